# For the applications of prod, and for the two people who may look at its keys. Whoever does not have this policy reads nothing there.
path "secret/data/prod/payments" {
  capabilities = ["read"]
}
