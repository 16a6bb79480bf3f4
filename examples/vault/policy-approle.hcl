# To mint, prove and revoke secret ids of one role.
path "auth/approle/role/payments" {
  capabilities = ["read"]
}

path "auth/approle/role/payments/role-id" {
  capabilities = ["read"]
}

path "auth/approle/role/payments/secret-id" {
  capabilities = ["list", "update"]
}

path "auth/approle/role/payments/secret-id/lookup" {
  capabilities = ["update"]
}

path "auth/approle/role/payments/secret-id-accessor/lookup" {
  capabilities = ["update"]
}

path "auth/approle/role/payments/secret-id-accessor/destroy" {
  capabilities = ["update"]
}
