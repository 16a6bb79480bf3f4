# Restricted keys of a Stripe account that has installed an approved Stripe App, whose key is in STRIPE_API_KEY. With an
# ordinary account, use the issuer "manual".
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
