# A token of Vault itself, for what cannot log in.
resource "apikey_rotation_policy" "monthly" {
  name = "monthly"
  tier = "high_privilege"
}

resource "apikey_managed" "backup" {
  name   = "backup"
  policy = apikey_rotation_policy.monthly
  issuer = { vault_token = { role = "backup", ttl = "40d" } }

  deliveries = {
    host = { file = { path = "secrets/backup.env", format = "dotenv", prefix = "VAULT_TOKEN" } }
  }
}
