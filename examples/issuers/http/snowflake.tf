# Snowflake: programmatic access tokens of a user, by the SQL API.
#
# After https://docs.snowflake.com/en/user-guide/programmatic-access-tokens and
# https://docs.snowflake.com/en/developer-guide/sql-api/reference
#
# The provider needs a token of a role with MODIFY PROGRAMMATIC AUTHENTICATION METHODS on the user. A user has 15 tokens at most;
# names are unique and serve as ids. The list gives no times here. ROTATE is not used: what it leaves of the old secret ends by
# itself. An answer of 202 is a statement that still runs, and counts as no answer. The user stands in SQL: set it yourself,
# and never from what others may choose. Check with SHOW … that the columns stand where these pointers lead.
terraform {
  required_providers {
    apikey = { source = "apikey-dev/apikey" }
  }
}

variable "snowflake_token" {
  type      = string
  sensitive = true
  ephemeral = true
}

provider "apikey" {
  http = {
    snowflake = {
      base_url = "https://acme-production.snowflakecomputing.com"
      headers = {
        Authorization                        = "Bearer ${var.snowflake_token}"
        X-Snowflake-Authorization-Token-Type = "PROGRAMMATIC_ACCESS_TOKEN"
      }
      parameters = ["user"]
      limit      = 15

      create = {
        path    = "/api/v2/statements"
        json    = jsonencode({ statement = "ALTER USER {{user}} ADD PROGRAMMATIC ACCESS TOKEN \"apikey_{{token}}\" DAYS_TO_EXPIRY = 180" })
        id      = "/data/0/0"
        secret  = "/data/0/1"
        success = [200]
      }

      list = {
        method  = "POST"
        path    = "/api/v2/statements"
        json    = jsonencode({ statement = "SHOW USER PROGRAMMATIC ACCESS TOKENS FOR USER {{user}}" })
        items   = "/data"
        id      = "/0"
        name    = "/0"
        success = [200]
      }

      revoke = {
        method  = "POST"
        path    = "/api/v2/statements"
        json    = jsonencode({ statement = "ALTER USER {{user}} REMOVE PROGRAMMATIC ACCESS TOKEN \"{{key_id}}\"" })
        success = [200]
      }

      verify = {
        method = "POST"
        path   = "/api/v2/statements"
        headers = {
          Authorization                        = "Bearer {{secret}}"
          X-Snowflake-Authorization-Token-Type = "PROGRAMMATIC_ACCESS_TOKEN"
        }
        json    = jsonencode({ statement = "SELECT 1" })
        success = [200]
      }
    }
  }
}

resource "apikey_rotation_policy" "standard" {
  name = "standard"
  tier = "standard"
}

resource "apikey_managed" "loader" {
  name   = "loader"
  policy = apikey_rotation_policy.standard

  issuer = { http = { api = "snowflake", parameters = { user = "LOADER" } } }

  deliveries = { app = { file = { path = "secrets/loader.json" } } }
}
