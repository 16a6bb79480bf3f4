# OpenAI: API keys of a service account of a project.
#
# After https://platform.openai.com/docs/api-reference/project-service-accounts
#
# The provider needs an admin key. The list holds the keys of the whole project, so only those of the service account count. A
# service account itself is never deleted: that ends all of its keys.
terraform {
  required_providers {
    apikey = { source = "apikey-dev/apikey" }
  }
}

variable "openai_admin_key" {
  type      = string
  sensitive = true
  ephemeral = true
}

provider "apikey" {
  http = {
    openai = {
      base_url    = "https://api.openai.com/v1"
      headers     = { Authorization = "Bearer ${var.openai_admin_key}" }
      parameters  = ["project", "service_account"]
      time_format = "seconds"

      create = {
        path       = "/organization/projects/{{project}}/service_accounts/{{service_account}}/api_keys"
        json       = jsonencode({ name = "apikey {{token}}" })
        id         = "/id"
        secret     = "/value"
        created_at = "/created_at"
      }

      list = {
        path       = "/organization/projects/{{project}}/api_keys"
        query      = { limit = "100" }
        items      = "/data"
        id         = "/id"
        name       = "/name"
        created_at = "/created_at"
        last_used  = "/last_used_at"
        where      = { "/owner/service_account/id" = "{{service_account}}" }
        paging     = { style = "cursor", next = "/last_id", more = "/has_more", query = "after" }
      }

      revoke = { path = "/organization/projects/{{project}}/api_keys/{{key_id}}" }

      verify = {
        path    = "/models"
        headers = { Authorization = "Bearer {{secret}}" }
      }
    }
  }
}

resource "apikey_rotation_policy" "standard" {
  name = "standard"
  tier = "standard"
}

resource "apikey_managed" "assistant" {
  name   = "assistant"
  policy = apikey_rotation_policy.standard

  issuer = {
    http = {
      api = "openai"
      parameters = {
        project         = "proj_acme"
        service_account = "svc_payments"
      }
    }
  }

  deliveries = { app = { file = { path = "secrets/assistant.json" } } }
}
