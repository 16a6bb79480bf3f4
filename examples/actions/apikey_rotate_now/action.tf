# terraform apply -invoke=action.apikey_rotate_now.payments
action "apikey_rotate_now" "payments" {
  config {
    key = apikey_managed.payments
  }
}
