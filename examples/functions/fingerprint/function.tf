variable "found_in_a_log" {
  type      = string
  sensitive = true
  default   = "acme_prod_madeUpForTheTests0123456789AB46901S"
}

# To be compared with primary.fingerprint of every apikey_managed.
output "whose_key_is_this" {
  value = nonsensitive(provider::apikey::fingerprint(var.found_in_a_log))
}
