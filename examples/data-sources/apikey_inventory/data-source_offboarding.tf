# Everything that somebody who leaves owns, page by page.
data "apikey_inventory" "first" {
  owner   = "alice"
  status  = "live"
  sort_by = "name"
  limit   = 500
}

data "apikey_inventory" "second" {
  count = data.apikey_inventory.first.next_page_token == null ? 0 : 1

  owner      = "alice"
  status     = "live"
  sort_by    = "name"
  limit      = 500
  page_token = data.apikey_inventory.first.next_page_token
}

output "owned_by_alice" {
  value = distinct(concat(
    data.apikey_inventory.first.keys[*].name,
    flatten(data.apikey_inventory.second[*].keys[*].name),
  ))
}
