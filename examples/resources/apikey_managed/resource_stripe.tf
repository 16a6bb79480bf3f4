# Restricted keys of a Stripe account with an approved Stripe App (for an ordinary account, see "manual").
resource "apikey_rotation_policy" "charges" {
  name = "charges"
  tier = "standard"
}

resource "apikey_managed" "charges" {
  name        = "charges"
  environment = "prod"
  owner       = "billing-team"
  policy      = apikey_rotation_policy.charges

  issuer = {
    stripe = {
      account     = "acct_1032D82eZvKYlo2C"
      permissions = ["charge_read"]
    }
  }

  deliveries = {
    app = { file = { path = "secrets/charges.env", format = "dotenv", prefix = "STRIPE_KEY" } }
  }
}
