# Everything that somebody who leaves owns, page by page.
# An orphaned key, which no resource holds, works as well as a live one.
data "apikey_inventory" "first" {
  for_each = toset(["live", "orphaned"])

  owner   = "alice"
  status  = each.key
  sort_by = "name"
  limit   = 500
}

data "apikey_inventory" "second" {
  for_each = { for status, page in data.apikey_inventory.first : status => page.next_page_token if page.next_page_token != null }

  owner      = "alice"
  status     = each.key
  sort_by    = "name"
  limit      = 500
  page_token = each.value
}

output "owned_by_alice" {
  value = distinct(concat(
    flatten(values(data.apikey_inventory.first)[*].keys[*].name),
    flatten(values(data.apikey_inventory.second)[*].keys[*].name),
  ))
}
