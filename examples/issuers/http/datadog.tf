# Datadog: API keys of an organisation.
#
# After https://docs.datadoghq.com/api/latest/key-management/
#
# The provider needs an API key and an application key with the scopes api_keys_read, api_keys_write and api_keys_delete.
# An organisation has 50 API keys unless Datadog raised that. Names are unique. base_url names the site.
terraform {
  required_providers {
    apikey = { source = "apikey-dev/apikey" }
  }
}

variable "datadog_api_key" {
  type      = string
  sensitive = true
  ephemeral = true
}

variable "datadog_application_key" {
  type      = string
  sensitive = true
  ephemeral = true
}

provider "apikey" {
  http = {
    datadog = {
      base_url = "https://api.datadoghq.com"
      headers  = { DD-API-KEY = var.datadog_api_key, DD-APPLICATION-KEY = var.datadog_application_key }
      limit    = 50

      create = {
        path       = "/api/v2/api_keys"
        json       = jsonencode({ data = { type = "api_keys", attributes = { name = "apikey {{token}}" } } })
        id         = "/data/id"
        secret     = "/data/attributes/key"
        created_at = "/data/attributes/created_at"
      }

      list = {
        path       = "/api/v2/api_keys"
        query      = { "page[size]" = "100" }
        items      = "/data"
        id         = "/id"
        name       = "/attributes/name"
        created_at = "/attributes/created_at"
        last_used  = "/attributes/date_last_used"
        paging     = { style = "page", query = "page[number]", first = 0, size = 100 }
      }

      revoke = { path = "/api/v2/api_keys/{{key_id}}" }

      verify = {
        path    = "/api/v1/validate"
        headers = { DD-API-KEY = "{{secret}}" }
        expect  = { "/valid" = "true" }
      }
    }
  }
}

resource "apikey_rotation_policy" "standard" {
  name = "standard"
  tier = "standard"
}

resource "apikey_managed" "agents" {
  name   = "agents"
  policy = apikey_rotation_policy.standard

  issuer = { http = { api = "datadog" } }

  deliveries = { app = { file = { path = "secrets/agents.json" } } }
}
