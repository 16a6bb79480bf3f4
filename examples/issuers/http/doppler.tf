# Doppler: service tokens of a config.
#
# After https://docs.doppler.com/reference/service_tokens-create
#
# The provider needs a token of a service account that may manage the tokens of the project. Names are not unique. A deletion
# carries the slug in its body and answers 200.
terraform {
  required_providers {
    apikey = { source = "apikey-dev/apikey" }
  }
}

variable "doppler_token" {
  type      = string
  sensitive = true
  ephemeral = true
}

provider "apikey" {
  http = {
    doppler = {
      base_url   = "https://api.doppler.com"
      headers    = { Authorization = "Bearer ${var.doppler_token}" }
      parameters = ["project", "config"]

      create = {
        path = "/v3/configs/config/tokens"
        json = jsonencode({
          project = "{{project}}"
          config  = "{{config}}"
          name    = "apikey {{token}}"
          access  = "read"
        })
        id         = "/token/slug"
        secret     = "/token/key"
        created_at = "/token/created_at"
      }

      list = {
        path       = "/v3/configs/config/tokens"
        query      = { project = "{{project}}", config = "{{config}}" }
        items      = "/tokens"
        id         = "/slug"
        name       = "/name"
        created_at = "/created_at"
      }

      revoke = {
        path = "/v3/configs/config/tokens/token"
        json = jsonencode({ project = "{{project}}", config = "{{config}}", slug = "{{key_id}}" })
      }

      verify = {
        path    = "/v3/me"
        headers = { Authorization = "Bearer {{secret}}" }
      }
    }
  }
}

resource "apikey_rotation_policy" "standard" {
  name = "standard"
  tier = "standard"
}

resource "apikey_managed" "payments" {
  name   = "payments"
  policy = apikey_rotation_policy.standard

  issuer = {
    http = {
      api = "doppler"
      parameters = {
        project = "payments"
        config  = "prd"
      }
    }
  }

  deliveries = { app = { file = { path = "secrets/payments.json" } } }
}
