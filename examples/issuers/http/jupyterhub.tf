# JupyterHub: API tokens of a user.
#
# After https://jupyterhub.readthedocs.io/en/stable/reference/rest-api.html
#
# The provider runs as a service with the scopes admin:users and tokens. The note of a token carries the mark of its mint; a
# token that is deleted is refused with 403. Tokens end by themselves after expires_in.
terraform {
  required_providers {
    apikey = { source = "apikey-dev/apikey" }
  }
}

variable "jupyterhub_token" {
  type      = string
  sensitive = true
  ephemeral = true
}

provider "apikey" {
  http = {
    hub = {
      base_url   = "https://hub.example.com/hub/api"
      headers    = { Authorization = "token ${var.jupyterhub_token}" }
      parameters = ["user"]
      expires_in = "180d"

      create = {
        path       = "/users/{{user}}/tokens"
        json       = "{ \"note\": \"apikey {{token}}\", \"expires_in\": {{expires_in}} }"
        id         = "/id"
        secret     = "/token"
        created_at = "/created"
      }

      list = {
        path       = "/users/{{user}}/tokens"
        items      = "/api_tokens"
        id         = "/id"
        name       = "/note"
        created_at = "/created"
        last_used  = "/last_activity"
      }

      revoke = { path = "/users/{{user}}/tokens/{{key_id}}" }

      verify = {
        path    = "/user"
        headers = { Authorization = "token {{secret}}" }
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

  issuer = { http = { api = "hub", parameters = { user = "payments" } } }

  deliveries = { app = { file = { path = "secrets/payments.json" } } }
}
