# Fail the plan while there are keys that are nobody's.
data "apikey_inventory" "orphaned" {
  orphaned = true

  lifecycle {
    postcondition {
      condition     = self.total == 0
      error_message = "Nobody's: ${join(", ", [for key in self.keys : coalesce(key.key_id, key.mark)])}."
    }
  }
}
