# GitLab: access tokens of a group.
#
# After https://docs.gitlab.com/api/group_access_tokens/
#
# The provider needs a personal access token with the scope api of a user who owns the group: a token of the group cannot make
# others. A token ends at midnight UTC of a day and lives a year at most, so the interval is at most about 11 months. The
# rotate request of GitLab is not used: it ends the old token at once, and a second use of it ends the whole family.
# Ids are numbers; names are not unique; a list has pages.
terraform {
  required_providers {
    apikey = { source = "apikey-dev/apikey" }
  }
}

variable "gitlab_token" {
  type      = string
  sensitive = true
  ephemeral = true
}

provider "apikey" {
  http = {
    gitlab = {
      base_url   = "https://gitlab.example.com/api/v4"
      headers    = { PRIVATE-TOKEN = var.gitlab_token }
      parameters = ["group"]
      expires_in = "300d"

      create = {
        path = "/groups/{{group}}/access_tokens"
        json = jsonencode({
          name         = "apikey {{token}}"
          scopes       = ["read_api"]
          access_level = 30
          expires_at   = "{{expires_at:date}}"
        })
        id         = "/id"
        secret     = "/token"
        created_at = "/created_at"
      }

      list = {
        path       = "/groups/{{group}}/access_tokens"
        query      = { state = "active", per_page = "100" }
        id         = "/id"
        name       = "/name"
        created_at = "/created_at"
        last_used  = "/last_used_at"
        paging     = { style = "link" }
      }

      revoke = { path = "/groups/{{group}}/access_tokens/{{key_id}}" }

      verify = {
        path    = "/personal_access_tokens/self"
        headers = { PRIVATE-TOKEN = "{{secret}}" }
      }
    }
  }
}

resource "apikey_rotation_policy" "standard" {
  name = "standard"
  tier = "standard"
}

resource "apikey_managed" "deploy" {
  name   = "deploy"
  policy = apikey_rotation_policy.standard

  issuer = { http = { api = "gitlab", parameters = { group = "acme" } } }

  deliveries = { app = { file = { path = "secrets/deploy.json" } } }
}
