# Secret ids of an AppRole, and a key for your own service under the names that its consumer expects, in Vault or OpenBao.
provider "apikey" {
  vault = {
    address = "https://vault.example.com:8200"
  }
}

resource "apikey_rotation_policy" "standard" {
  name = "standard"
  tier = "standard"
}

resource "apikey_managed" "payments" {
  name   = "payments"
  policy = apikey_rotation_policy.standard
  issuer = { vault_approle = { role = "payments", ttl = "120d" } }

  deliveries = {
    app = { vault_kv = { mount = "secret", path = "prod/payments" } }
  }
}

resource "apikey_managed" "reports" {
  name   = "reports"
  policy = apikey_rotation_policy.standard
  issuer = { generated = { prefix = "acme_reports" } }

  deliveries = {
    app = {
      vault_kv = {
        mount = "secret"
        path  = "prod/reports"
        fields = {
          username = "reports"
          password = "{{primary.secret}}"
        }
      }
    }
  }
}
