# A key of a vendor without an API for keys: a person makes it when a plan asks for it, and revokes the old one.
variable "payments_key" {
  type      = string
  ephemeral = true
}

resource "apikey_rotation_policy" "payments" {
  name        = "payments"
  tier        = "standard"
  alert_after = "7d"
}

resource "apikey_managed" "payments" {
  name   = "payments"
  policy = apikey_rotation_policy.payments

  issuer = {
    manual = {
      secret_wo         = var.payments_key
      secret_wo_version = 1 # another number with each new key
      console_url       = "https://dashboard.stripe.com/apikeys"
      revoked           = [] # ids of keys that were revoked there
    }
  }

  deliveries = {
    app = { file = { path = "secrets/payments.json" } }
  }

  # It tells whether a new key works, and whether an old one is refused.
  verification = {
    url        = "https://api.stripe.com/v1/balance"
    basic_auth = { username = "{{secret}}", password = "" }
  }
}
