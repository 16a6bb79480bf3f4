# The keys of one user, with what an import would put into the state
list "apikey_managed" "ci" {
  provider         = apikey
  include_resource = true
  limit            = 10

  config {
    issuer = { aws_iam = { user_name = "ci" } }
  }
}
