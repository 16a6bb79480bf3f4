# From random_password
moved {
  from = random_password.payments
  to   = apikey_managed.payments
}

resource "apikey_managed" "payments" {
  name       = "payments"
  policy     = { name = "monthly", rotation_interval = "30d" }
  issuer     = { generated = { prefix = "acme" } }
  deliveries = { app = { file = { path = "secrets/payments.json" } } }
}
