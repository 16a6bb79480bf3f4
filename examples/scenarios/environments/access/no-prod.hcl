# For everybody else, beside whatever broad policy they have: the path that says more counts, and of the same path a deny goes before
# every grant.
path "secret/data/prod/payments" {
  capabilities = ["deny"]
}
