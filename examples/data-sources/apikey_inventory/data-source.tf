# Live keys that are older than 90 days, the oldest first.
data "apikey_inventory" "old" {
  status     = "live"
  older_than = "90d"
}

output "old_keys" {
  value = [for key in data.apikey_inventory.old.keys : "${key.name} in ${key.workspace}, since ${key.created_at}"]
}
