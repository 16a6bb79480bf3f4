# Cloudflare: API tokens of an account.
#
# After https://developers.cloudflare.com/api/resources/accounts/subresources/tokens/
#
# The provider needs a token with the permission Account API Tokens Write. An account has at most 500 tokens, a user 50. Names
# are not unique. The roll request of Cloudflare (PUT …/value) is not used: it ends the old value at once. Replace the policy by
# your own permission group and resources.
terraform {
  required_providers {
    apikey = { source = "apikey-dev/apikey" }
  }
}

variable "cloudflare_token" {
  type      = string
  sensitive = true
  ephemeral = true
}

provider "apikey" {
  http = {
    cloudflare = {
      base_url   = "https://api.cloudflare.com/client/v4"
      headers    = { Authorization = "Bearer ${var.cloudflare_token}" }
      parameters = ["account"]
      limit      = 500

      create = {
        path = "/accounts/{{account}}/tokens"
        json = jsonencode({
          name = "apikey {{token}}"
          policies = [{
            effect            = "allow"
            permission_groups = [{ id = "c8fed203ed3043cba015a93ad1616f1f" }]
            resources         = { "com.cloudflare.api.account.{{account}}" = "*" }
          }]
        })
        id         = "/result/id"
        secret     = "/result/value"
        created_at = "/result/issued_on"
      }

      list = {
        path       = "/accounts/{{account}}/tokens"
        query      = { per_page = "50" }
        items      = "/result"
        id         = "/id"
        name       = "/name"
        created_at = "/issued_on"
        last_used  = "/last_used_on"
        active     = { "/status" = "active" }
        paging     = { style = "page", query = "page", size = 50 }
      }

      revoke = { path = "/accounts/{{account}}/tokens/{{key_id}}" }

      verify = {
        path    = "/accounts/{{account}}/tokens/verify"
        headers = { Authorization = "Bearer {{secret}}" }
        expect  = { "/result/status" = "active" }
      }
    }
  }
}

resource "apikey_rotation_policy" "standard" {
  name = "standard"
  tier = "standard"
}

resource "apikey_managed" "dns" {
  name   = "dns"
  policy = apikey_rotation_policy.standard

  issuer = { http = { api = "cloudflare", parameters = { account = "023e105f4ecef8ad9ca31a8372d0c353" } } }

  deliveries = { app = { file = { path = "secrets/dns.json" } } }
}
