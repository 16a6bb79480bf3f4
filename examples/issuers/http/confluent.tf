# Confluent Cloud: API keys of a service account for a cluster.
#
# After https://docs.confluent.io/cloud/current/api.html#tag/API-Keys-(iamv2)
#
# The provider needs a cloud API key of an account with the role OrganizationAdmin, or ResourceOwner of the service account.
# The id of a key is the user name that belongs to its secret: deliver both. A creation answers 202, and the key works after
# seconds to minutes, so verification goes on for a while. A quota that is used up answers 402. verify asks the REST endpoint of
# the cluster.
terraform {
  required_providers {
    apikey = { source = "apikey-dev/apikey" }
  }
}

variable "confluent_api_key" {
  type      = string
  sensitive = true
  ephemeral = true
}

variable "confluent_api_secret" {
  type      = string
  sensitive = true
  ephemeral = true
}

provider "apikey" {
  http = {
    confluent = {
      base_url   = "https://api.confluent.cloud"
      basic      = { username = var.confluent_api_key, password = var.confluent_api_secret }
      parameters = ["service_account", "cluster"]

      create = {
        path = "/iam/v2/api-keys"
        json = jsonencode({
          spec = {
            display_name = "apikey {{token}}"
            owner        = { id = "{{service_account}}" }
            resource     = { id = "{{cluster}}" }
          }
        })
        id         = "/id"
        secret     = "/spec/secret"
        created_at = "/metadata/created_at"
        full       = [402]
      }

      list = {
        path       = "/iam/v2/api-keys"
        query      = { "spec.owner" = "{{service_account}}", "spec.resource" = "{{cluster}}", page_size = "100" }
        items      = "/data"
        id         = "/id"
        name       = "/spec/display_name"
        created_at = "/metadata/created_at"
        paging     = { style = "url", next = "/metadata/next" }
      }

      revoke = { path = "/iam/v2/api-keys/{{key_id}}" }

      verify = {
        base_url = "https://pkc-00000.eu-central-1.aws.confluent.cloud"
        path     = "/kafka/v3/clusters/{{cluster}}"
        basic    = { username = "{{key_id}}", password = "{{secret}}" }
      }
    }
  }
}

resource "apikey_rotation_policy" "standard" {
  name = "standard"
  tier = "standard"
}

resource "apikey_managed" "orders" {
  name   = "orders"
  policy = apikey_rotation_policy.standard

  issuer = {
    http = {
      api = "confluent"
      parameters = {
        service_account = "sa-12mgdv"
        cluster         = "lkc-k1x2y3"
      }
    }
  }

  deliveries = { app = { file = { path = "secrets/orders.json" } } }
}
