# terraform query -generate-config-out=imported.tf
list "apikey_managed" "machines" {
  provider = apikey

  config {
    issuer = { aws_iam = { path_prefix = "/machines/" } }
  }
}
