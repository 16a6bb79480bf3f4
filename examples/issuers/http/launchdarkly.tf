# LaunchDarkly: access tokens.
#
# After https://launchdarkly.com/docs/api/access-tokens
#
# The provider needs a token with the admin role, or a policy that allows createAccessToken and deleteAccessToken. The header
# Authorization has no scheme word. Times are milliseconds. The reset request of LaunchDarkly is not used: without an expiry it
# ends the old token at once.
terraform {
  required_providers {
    apikey = { source = "apikey-dev/apikey" }
  }
}

variable "launchdarkly_token" {
  type      = string
  sensitive = true
  ephemeral = true
}

provider "apikey" {
  http = {
    launchdarkly = {
      base_url    = "https://app.launchdarkly.com"
      headers     = { Authorization = var.launchdarkly_token }
      time_format = "milliseconds"

      create = {
        path       = "/api/v2/tokens"
        json       = jsonencode({ name = "apikey {{token}}", role = "reader", serviceToken = true })
        id         = "/_id"
        secret     = "/token"
        created_at = "/creationDate"
      }

      list = {
        path       = "/api/v2/tokens"
        query      = { limit = "25" }
        items      = "/items"
        id         = "/_id"
        name       = "/name"
        created_at = "/creationDate"
        last_used  = "/lastUsed"
        paging     = { style = "offset", query = "offset", size = 25 }
      }

      revoke = { path = "/api/v2/tokens/{{key_id}}" }

      verify = {
        path    = "/api/v2/caller-identity"
        headers = { Authorization = "{{secret}}" }
      }
    }
  }
}

resource "apikey_rotation_policy" "standard" {
  name = "standard"
  tier = "standard"
}

resource "apikey_managed" "flags" {
  name   = "flags"
  policy = apikey_rotation_policy.standard

  issuer = { http = { api = "launchdarkly" } }

  deliveries = { app = { file = { path = "secrets/flags.json" } } }
}
