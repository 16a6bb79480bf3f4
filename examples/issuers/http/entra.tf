# Microsoft Entra: client secrets of an application.
#
# After https://learn.microsoft.com/en-us/graph/api/application-addpassword and
# https://learn.microsoft.com/en-us/graph/api/application-removepassword
#
# The provider is an application with the permission Application.ReadWrite.OwnedBy that owns the other one. application is the
# object id, client the client id of the application whose secrets rotate. A revocation is a POST with a body. A new secret
# works after seconds to minutes; the old one lives on beside it. verify asks for a token, which needs no permission.
terraform {
  required_providers {
    apikey = { source = "apikey-dev/apikey" }
  }
}

variable "entra_client_secret" {
  type      = string
  sensitive = true
  ephemeral = true
}

provider "apikey" {
  http = {
    entra = {
      base_url = "https://graph.microsoft.com/v1.0"
      oauth2 = {
        token_url     = "https://login.microsoftonline.com/11111111-2222-3333-4444-555555555555/oauth2/v2.0/token"
        client_id     = "66666666-7777-8888-9999-000000000000"
        client_secret = var.entra_client_secret
        scope         = "https://graph.microsoft.com/.default"
        client_in     = "body"
      }
      parameters = ["application", "client"]
      expires_in = "180d"

      create = {
        path = "/applications/{{application}}/addPassword"
        json = jsonencode({
          passwordCredential = { displayName = "apikey {{token}}", endDateTime = "{{expires_at}}" }
        })
        id         = "/keyId"
        secret     = "/secretText"
        created_at = "/startDateTime"
      }

      list = {
        path       = "/applications/{{application}}"
        query      = { "$select" = "passwordCredentials" }
        items      = "/passwordCredentials"
        id         = "/keyId"
        name       = "/displayName"
        created_at = "/startDateTime"
      }

      revoke = {
        method = "POST"
        path   = "/applications/{{application}}/removePassword"
        json   = jsonencode({ keyId = "{{key_id}}" })
      }

      verify = {
        method   = "POST"
        base_url = "https://login.microsoftonline.com"
        path     = "/11111111-2222-3333-4444-555555555555/oauth2/v2.0/token"
        form = {
          grant_type    = "client_credentials"
          client_id     = "{{client}}"
          client_secret = "{{secret}}"
          scope         = "https://graph.microsoft.com/.default"
        }
        refused = [400, 401]
      }
    }
  }
}

resource "apikey_rotation_policy" "standard" {
  name = "standard"
  tier = "standard"
}

resource "apikey_managed" "portal" {
  name   = "portal"
  policy = apikey_rotation_policy.standard

  issuer = {
    http = {
      api = "entra"
      parameters = {
        application = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"
        client      = "ffffffff-0000-1111-2222-333333333333"
      }
    }
  }

  deliveries = { app = { file = { path = "secrets/portal.json" } } }
}
