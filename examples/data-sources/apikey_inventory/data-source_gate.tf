# Fail the plan while there are keys that belong to no resource.
data "apikey_inventory" "orphaned" {
  orphaned = true

  lifecycle {
    postcondition {
      condition     = self.total == 0
      error_message = "Keys without a resource: ${join(", ", [for key in self.keys : coalesce(key.key_id, key.mark)])}."
    }
  }
}
