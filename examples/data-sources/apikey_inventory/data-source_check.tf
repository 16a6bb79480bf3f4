# Warn about keys that nobody owns, that nobody uses, and that do not go on without a person.
# The data sources stand outside of the checks: inside, Terraform reads them again in every apply, and
# `plan -detailed-exitcode` would always end with 2.
data "apikey_inventory" "without_owner" {
  status        = "live"
  without_owner = true
}

data "apikey_inventory" "unused" {
  issuer     = "aws_iam"
  status     = "live"
  unused_for = "90d"
}

data "apikey_inventory" "live" {
  status = "live"
}

locals {
  # As of the last refresh of each key, in whatever workspace.
  stuck = [for key in data.apikey_inventory.live.keys : key.name if contains(["blocked", "overdue"], coalesce(key.resource_status, "ok"))]
}

check "every_key_goes_on" {
  assert {
    condition     = length(local.stuck) == 0
    error_message = "Keys that need a person: ${join(", ", distinct(local.stuck))}. The plan of each says why."
  }
}

check "every_key_has_an_owner" {
  assert {
    condition     = data.apikey_inventory.without_owner.total == 0
    error_message = "${data.apikey_inventory.without_owner.total} keys have no owner, such as ${try(data.apikey_inventory.without_owner.keys[0].name, "none")}."
  }
}

check "every_key_is_used" {
  assert {
    condition     = data.apikey_inventory.unused.total == 0
    error_message = "Nobody has used ${data.apikey_inventory.unused.total} keys for 90 days."
  }
}
