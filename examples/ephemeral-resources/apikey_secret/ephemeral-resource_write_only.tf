# Hand a key to a write-only attribute
resource "apikey_managed" "payments" {
  name       = "payments"
  policy     = { name = "monthly", rotation_interval = "30d" }
  issuer     = { generated = { prefix = "acme" } }
  deliveries = { app = { file = { path = "secrets/payments.json" } } }
}

ephemeral "apikey_secret" "payments" {
  delivery    = apikey_managed.payments.deliveries["app"]
  fingerprint = apikey_managed.payments.primary.fingerprint
}

# Write-only attributes of every provider take ephemeral values. This one is verified by asking the partner.
resource "apikey_managed" "partner" {
  name       = "partner"
  policy     = { name = "monthly", rotation_interval = "30d" }
  issuer     = { generated = { prefix = "partner" } }
  deliveries = { app = { file = { path = "secrets/partner.json" } } }

  verification = {
    url                = "https://partner.example.com/whoami"
    headers            = { Authorization = "Bearer {{secret}}" }
    headers_wo         = { X-Api-Key = ephemeral.apikey_secret.payments.primary.secret }
    headers_wo_version = apikey_managed.payments.generation
  }
}
