# terraform apply -invoke=action.apikey_revoke.leaked
action "apikey_revoke" "leaked" {
  config {
    issuer = { aws_iam = { user_name = "ci" } }
    key_id = "AKIAIOSFODNN7EXAMPLE"
  }
}
