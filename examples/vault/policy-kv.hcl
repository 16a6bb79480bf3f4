# To deliver to one secret of a key/value engine of version 2.
path "secret/data/prod/payments" {
  capabilities = ["create", "read", "update"]
}

# Where a delivery ends, its latest version is deleted.
path "secret/delete/prod/payments" {
  capabilities = ["update"]
}

# Where delete_all_versions is set, all of it is deleted in place of that.
path "secret/metadata/prod/payments" {
  capabilities = ["delete"]
}
