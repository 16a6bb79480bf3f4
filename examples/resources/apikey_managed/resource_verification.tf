# A key that the service itself must accept before it becomes primary.
resource "apikey_rotation_policy" "gateway" {
  name = "gateway"
  tier = "standard"
}

resource "apikey_managed" "gateway" {
  name   = "gateway"
  policy = apikey_rotation_policy.gateway

  issuer = { generated = { prefix = "acme_gw", length = 40 } }

  deliveries = {
    gateway = { file = { path = "secrets/gateway.json", layout = "flat" } }
  }

  # The gateway reads the file again within a few seconds, so the proof may take a while.
  verification = {
    url             = "https://gateway.example.com/whoami"
    headers         = { Authorization = "Bearer {{secret}}" }
    expected_status = [200]
    timeout         = "2m"
  }
}
