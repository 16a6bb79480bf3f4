# A key in a Doppler config, beside the other secrets of the application.
resource "apikey_rotation_policy" "gateway" {
  name = "gateway"
  tier = "standard"
}

resource "apikey_managed" "gateway" {
  name   = "gateway"
  policy = apikey_rotation_policy.gateway
  issuer = { generated = { prefix = "acme_gateway" } }

  deliveries = {
    app = { doppler = { project = "payments", config = "prd", prefix = "GATEWAY_KEY" } }
  }
}
