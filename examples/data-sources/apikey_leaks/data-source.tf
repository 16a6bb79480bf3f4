# Alerts of GitHub's secret scanning about managed keys, and what follows from them.
data "apikey_leaks" "acme" {
  organization = "acme"
}

resource "apikey_rotation_policy" "standard" {
  name    = "standard"
  tier    = "standard"
  on_leak = "rotate"
}

resource "apikey_managed" "payments" {
  name       = "payments"
  policy     = apikey_rotation_policy.standard
  issuer     = { generated = { prefix = "acme" } }
  deliveries = { app = { file = { path = "secrets/payments.json" } } }
  leaks_wo   = data.apikey_leaks.acme.open
}

output "leaked" {
  # As the plan has read it. Null, which is not the same as none, where it could not be read and is not required.
  value = data.apikey_leaks.acme.alerts == null ? null : [
    for alert in data.apikey_leaks.acme.alerts : "${alert.url} ${coalesce(alert.name, "?")} ${coalesce(alert.key_status, "?")}"
  ]
}
