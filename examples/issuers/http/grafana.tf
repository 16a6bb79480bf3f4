# Grafana: tokens of a service account.
#
# After https://grafana.com/docs/grafana/latest/developers/http_api/serviceaccount/
#
# The provider needs the permissions serviceaccounts:read and serviceaccounts:write on the account. Names of tokens are unique
# (409), so each is named after its mint. Ids are numbers. secondsToLive = 0 means for ever, unless the server caps it.
terraform {
  required_providers {
    apikey = { source = "apikey-dev/apikey" }
  }
}

variable "grafana_token" {
  type      = string
  sensitive = true
  ephemeral = true
}

provider "apikey" {
  http = {
    grafana = {
      base_url   = "https://grafana.example.com"
      headers    = { Authorization = "Bearer ${var.grafana_token}" }
      parameters = ["service_account"]

      create = {
        path   = "/api/serviceaccounts/{{service_account}}/tokens"
        json   = jsonencode({ name = "apikey-{{token}}", secondsToLive = 0 })
        id     = "/id"
        secret = "/key"
      }

      list = {
        path       = "/api/serviceaccounts/{{service_account}}/tokens"
        id         = "/id"
        name       = "/name"
        created_at = "/created"
        last_used  = "/lastUsedAt"
      }

      revoke = { path = "/api/serviceaccounts/{{service_account}}/tokens/{{key_id}}" }

      verify = {
        path    = "/api/org"
        headers = { Authorization = "Bearer {{secret}}" }
      }
    }
  }
}

resource "apikey_rotation_policy" "standard" {
  name = "standard"
  tier = "standard"
}

resource "apikey_managed" "dashboards" {
  name   = "dashboards"
  policy = apikey_rotation_policy.standard

  issuer = { http = { api = "grafana", parameters = { service_account = "7" } } }

  deliveries = { app = { file = { path = "secrets/dashboards.json" } } }
}
