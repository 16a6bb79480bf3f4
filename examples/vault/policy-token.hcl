# To mint tokens by one role of the token method, and to look at and revoke tokens by their accessors.
path "auth/token/create/payments" {
  capabilities = ["update"]
}

path "auth/token/lookup-accessor" {
  capabilities = ["update"]
}

path "auth/token/revoke-accessor" {
  capabilities = ["update"]
}
