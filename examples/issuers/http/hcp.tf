# HashiCorp Cloud Platform: keys of a service principal.
#
# After https://developer.hashicorp.com/hcp/docs/hcp/iam/service-principal
#
# The provider is a service principal with the role admin of the organisation. A service principal has two keys at most, and they
# carry no name: a mint whose answer was lost is known by its time alone. The client id is the id of the key, and is delivered
# beside the client secret.
terraform {
  required_providers {
    apikey = { source = "apikey-dev/apikey" }
  }
}

variable "hcp_client_secret" {
  type      = string
  sensitive = true
  ephemeral = true
}

provider "apikey" {
  http = {
    hcp = {
      base_url = "https://api.cloud.hashicorp.com"
      oauth2 = {
        token_url     = "https://auth.idp.hashicorp.com/oauth2/token"
        client_id     = "acme-terraform"
        client_secret = var.hcp_client_secret
        audience      = "https://api.hashicorp.cloud"
        client_in     = "body"
      }
      parameters = ["organization", "principal"]
      limit      = 2

      create = {
        path       = "/iam/2019-12-10/organizations/{{organization}}/service-principal-keys"
        json       = jsonencode({ principal_id = "{{principal}}" })
        id         = "/key/client_id"
        secret     = "/client_secret"
        created_at = "/key/created_at"
      }

      list = {
        path                = "/iam/2019-12-10/organizations/{{organization}}/service-principals/{{principal}}"
        items               = "/keys"
        items_may_be_absent = true
        id                  = "/client_id"
        created_at          = "/created_at"
      }

      revoke = { path = "/iam/2019-12-10/organizations/{{organization}}/service-principal-keys/{{key_id}}" }

      verify = {
        method   = "POST"
        base_url = "https://auth.idp.hashicorp.com"
        path     = "/oauth2/token"
        form = {
          grant_type    = "client_credentials"
          client_id     = "{{key_id}}"
          client_secret = "{{secret}}"
          audience      = "https://api.hashicorp.cloud"
        }
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
      api = "hcp"
      parameters = {
        organization = "org-1234"
        principal    = "payments-1234"
      }
    }
  }

  deliveries = { app = { file = { path = "secrets/payments.json" } } }
}
