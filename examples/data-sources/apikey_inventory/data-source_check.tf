# Warn about keys that nobody owns, and about keys that nobody uses.
check "every_key_has_an_owner" {
  data "apikey_inventory" "without_owner" {
    status        = "live"
    without_owner = true
  }

  assert {
    condition     = data.apikey_inventory.without_owner.total == 0
    error_message = "${data.apikey_inventory.without_owner.total} keys have no owner, such as ${try(data.apikey_inventory.without_owner.keys[0].name, "none")}."
  }
}

check "every_key_is_used" {
  data "apikey_inventory" "unused" {
    issuer     = "aws_iam"
    status     = "live"
    unused_for = "90d"
  }

  assert {
    condition     = data.apikey_inventory.unused.total == 0
    error_message = "Nobody has used ${data.apikey_inventory.unused.total} keys for 90 days."
  }
}
