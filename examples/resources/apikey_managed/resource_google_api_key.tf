# Google API keys for one service and one network, as a file of variables.
resource "apikey_rotation_policy" "maps" {
  name = "maps"
  tier = "standard"
}

resource "apikey_managed" "maps" {
  name   = "maps"
  policy = apikey_rotation_policy.maps

  issuer = {
    google_api_key = {
      project      = "payments-prod"
      display_name = "Maps, for the payments"
      api_targets  = ["geocoding-backend.googleapis.com"]
      allowed_ips  = ["192.0.2.0/24"]
    }
  }

  deliveries = {
    app = { file = { path = "secrets/maps.env", format = "dotenv", prefix = "MAPS_KEY" } }
  }
}
