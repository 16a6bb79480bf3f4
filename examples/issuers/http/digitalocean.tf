# DigitalOcean: access keys of Spaces.
#
# After https://docs.digitalocean.com/reference/api/reference/spaces-keys/
#
# The provider needs a token with the scopes spaces_key:create_credentials, spaces_key:read and spaces_key:delete. A key is a
# pair: the access key is its id, and is delivered beside the secret key. It works with the S3 API alone, which signs requests,
# so verify cannot say it: use the verification of a service of your own, or leave new keys unproved.
terraform {
  required_providers {
    apikey = { source = "apikey-dev/apikey" }
  }
}

variable "digitalocean_token" {
  type      = string
  sensitive = true
  ephemeral = true
}

provider "apikey" {
  http = {
    digitalocean = {
      base_url   = "https://api.digitalocean.com"
      headers    = { Authorization = "Bearer ${var.digitalocean_token}" }
      parameters = ["bucket"]

      create = {
        path = "/v2/spaces/keys"
        json = jsonencode({
          name   = "apikey {{bucket}} {{token}}"
          grants = [{ bucket = "{{bucket}}", permission = "readwrite" }]
        })
        id         = "/key/access_key"
        secret     = "/key/secret_key"
        created_at = "/key/created_at"
      }

      list = {
        path       = "/v2/spaces/keys"
        query      = { per_page = "200" }
        items      = "/keys"
        id         = "/access_key"
        name       = "/name"
        created_at = "/created_at"
        where      = { "/grants/0/bucket" = "{{bucket}}" }
        paging     = { style = "url", next = "/links/pages/next" }
      }

      revoke = { path = "/v2/spaces/keys/{{key_id}}" }
    }
  }
}

resource "apikey_rotation_policy" "standard" {
  name = "standard"
  tier = "standard"
}

resource "apikey_managed" "backups" {
  name   = "backups"
  policy = apikey_rotation_policy.standard

  issuer = { http = { api = "digitalocean", parameters = { bucket = "acme-backups" } } }

  deliveries = { app = { file = { path = "secrets/backups.json" } } }
}
