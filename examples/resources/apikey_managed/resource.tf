# A key for a service of your own, delivered to a file that the service reads.
resource "apikey_rotation_policy" "standard" {
  name = "standard"
  tier = "standard"
}

resource "apikey_managed" "payments" {
  name   = "payments"
  owner  = "payments-team"
  policy = apikey_rotation_policy.standard

  issuer = { generated = { prefix = "acme_prod" } }

  deliveries = {
    app = { file = { path = "secrets/payments.json" } }
  }
}
