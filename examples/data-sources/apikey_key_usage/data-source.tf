# What was done with a key that leaked, before and after it did: of the last thirty days, in the regions that are in use.
data "apikey_key_usage" "leaked" {
  issuer = apikey_managed.ci.issuer
  key_id = apikey_managed.ci.primary.key_id

  events = {
    regions = ["eu-central-1", "us-east-1"]
    since   = "30d"
  }
}

output "denied" {
  value = [for call in data.apikey_key_usage.leaked.calls : call if call.error_code != null]
}

output "not_seen" {
  value = data.apikey_key_usage.leaked.blind_spots
}
