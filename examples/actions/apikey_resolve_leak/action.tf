# terraform apply -invoke=action.apikey_resolve_leak.payments
action "apikey_resolve_leak" "payments" {
  config {
    alert = "https://github.com/acme/payments/security/secret-scanning/7"
  }
}
