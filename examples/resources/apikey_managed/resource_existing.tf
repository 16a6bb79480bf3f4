# A key that exists already
variable "existing_key" {
  description = "The key that is in use today. It is passed on and stored nowhere."
  type        = string
  ephemeral   = true
}

resource "apikey_managed" "legacy" {
  name       = "legacy"
  policy     = { name = "monthly", rotation_interval = "30d" }
  issuer     = { generated = { prefix = "acme" } }
  deliveries = { app = { file = { path = "secrets/legacy.json" } } }

  # It becomes the primary, and nothing is minted before the first rotation. The variable may be removed after that.
  existing_secret_wo         = var.existing_key
  existing_secret_wo_version = 1
}
