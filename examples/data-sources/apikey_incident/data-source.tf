# What became of an emergency, for a review or a ticket.
data "apikey_incident" "stolen_laptop" {
  id         = "INC-42"
  depends_on = [apikey_managed.payments]
}

output "timeline" {
  value = [for step in data.apikey_incident.stolen_laptop.steps : "${step.at} ${step.what}"]
}

output "contained" {
  value = data.apikey_incident.stolen_laptop.contained_at != null
}
