# SendGrid: API keys.
#
# After https://www.twilio.com/docs/sendgrid/api-reference/api-keys
#
# The provider needs a key with the scopes api_keys.create, api_keys.read and api_keys.delete. A key without scopes has all of
# them, so name yours. There are 100 keys at most, and one more is refused with 403. The list has no times, so a key is known by
# its name alone.
terraform {
  required_providers {
    apikey = { source = "apikey-dev/apikey" }
  }
}

variable "sendgrid_api_key" {
  type      = string
  sensitive = true
  ephemeral = true
}

provider "apikey" {
  http = {
    sendgrid = {
      base_url = "https://api.sendgrid.com"
      headers  = { Authorization = "Bearer ${var.sendgrid_api_key}" }
      limit    = 100

      create = {
        path   = "/v3/api_keys"
        json   = jsonencode({ name = "apikey {{now:date}} {{token}}", scopes = ["mail.send"] })
        id     = "/api_key_id"
        secret = "/api_key"
        full   = [403]
      }

      list = {
        path  = "/v3/api_keys"
        items = "/result"
        id    = "/api_key_id"
        name  = "/name"
      }

      revoke = { path = "/v3/api_keys/{{key_id}}" }

      verify = {
        path    = "/v3/scopes"
        headers = { Authorization = "Bearer {{secret}}" }
      }
    }
  }
}

resource "apikey_rotation_policy" "standard" {
  name = "standard"
  tier = "standard"
}

resource "apikey_managed" "newsletter" {
  name   = "newsletter"
  policy = apikey_rotation_policy.standard

  issuer = { http = { api = "sendgrid" } }

  deliveries = { app = { file = { path = "secrets/newsletter.json" } } }
}
