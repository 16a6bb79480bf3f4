# Datadog: application keys of a service account.
#
# After https://docs.datadoghq.com/api/latest/service-accounts/
#
# The provider needs an API key and an application key with the scope service_account_write. A new key is shown once; it is not
# read again although older organisations allow it. Such a key works beside an API key only, so verification would need one:
# declare it in the resource, or leave new keys unproved.
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
      base_url   = "https://api.datadoghq.com"
      headers    = { DD-API-KEY = var.datadog_api_key, DD-APPLICATION-KEY = var.datadog_application_key }
      parameters = ["service_account"]

      create = {
        path = "/api/v2/service_accounts/{{service_account}}/application_keys"
        json = jsonencode({
          data = {
            type       = "application_keys"
            attributes = { name = "apikey {{token}}", scopes = ["dashboards_read"] }
          }
        })
        id         = "/data/id"
        secret     = "/data/attributes/key"
        created_at = "/data/attributes/created_at"
      }

      list = {
        path       = "/api/v2/service_accounts/{{service_account}}/application_keys"
        query      = { "page[size]" = "100" }
        items      = "/data"
        id         = "/id"
        name       = "/attributes/name"
        created_at = "/attributes/created_at"
        paging     = { style = "page", query = "page[number]", first = 0, size = 100 }
      }

      revoke = { path = "/api/v2/service_accounts/{{service_account}}/application_keys/{{key_id}}" }
    }
  }
}

resource "apikey_rotation_policy" "standard" {
  name = "standard"
  tier = "standard"
}

resource "apikey_managed" "reports" {
  name   = "reports"
  policy = apikey_rotation_policy.standard

  issuer = { http = { api = "datadog", parameters = { service_account = "00000000-0000-1234-0000-000000000000" } } }

  deliveries = { app = { file = { path = "secrets/reports.json" } } }
}
