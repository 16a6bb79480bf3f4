# Without a delivery the secrets are kept in the state, and other resources read them from there.
resource "apikey_rotation_policy" "internal" {
  name = "internal"
  tier = "low_risk"
}

resource "apikey_managed" "internal" {
  name   = "internal"
  policy = apikey_rotation_policy.internal
  issuer = { generated = { prefix = "acme_int" } }
}

output "internal_keys" {
  description = "What a consumer accepts: the primary, and the secondary while there is one."
  sensitive   = true
  value = compact([
    apikey_managed.internal.primary.secret,
    try(apikey_managed.internal.secondary.secret, null),
  ])
}
