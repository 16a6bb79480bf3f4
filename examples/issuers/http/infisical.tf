# Infisical: client secrets of a machine identity (universal auth).
#
# After https://infisical.com/docs/api-reference/endpoints/universal-auth/create-client-secret
#
# The provider is a machine identity that may edit identities. identity is its id, client the client id of the identity whose
# secrets rotate. The description carries the mark of the mint. A client secret is revoked by a POST; verify logs in with it.
terraform {
  required_providers {
    apikey = { source = "apikey-dev/apikey" }
  }
}

variable "infisical_token" {
  type      = string
  sensitive = true
  ephemeral = true
}

provider "apikey" {
  http = {
    infisical = {
      base_url   = "https://app.infisical.com"
      headers    = { Authorization = "Bearer ${var.infisical_token}" }
      parameters = ["identity", "client"]

      create = {
        path       = "/api/v1/auth/universal-auth/identities/{{identity}}/client-secrets"
        json       = jsonencode({ description = "apikey {{token}}", numUsesLimit = 0, ttl = 0 })
        id         = "/clientSecretData/id"
        secret     = "/clientSecret"
        created_at = "/clientSecretData/createdAt"
      }

      list = {
        path       = "/api/v1/auth/universal-auth/identities/{{identity}}/client-secrets"
        items      = "/clientSecretData"
        id         = "/id"
        name       = "/description"
        created_at = "/createdAt"
        where      = { "/isClientSecretRevoked" = "false" }
      }

      revoke = {
        method = "POST"
        path   = "/api/v1/auth/universal-auth/identities/{{identity}}/client-secrets/{{key_id}}/revoke"
      }

      verify = {
        method = "POST"
        path   = "/api/v1/auth/universal-auth/login"
        json   = jsonencode({ clientId = "{{client}}", clientSecret = "{{secret}}" })
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
      api = "infisical"
      parameters = {
        identity = "7f3c1a52-0000-4000-8000-000000000001"
        client   = "7f3c1a52-0000-4000-8000-000000000002"
      }
    }
  }

  deliveries = { app = { file = { path = "secrets/payments.json" } } }
}
