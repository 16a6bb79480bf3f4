# From aws_iam_access_key
moved {
  from = aws_iam_access_key.ci
  to   = apikey_managed.ci
}

resource "apikey_managed" "ci" {
  name       = "ci"
  policy     = { name = "monthly", rotation_interval = "30d" }
  issuer     = { aws_iam = { user_name = "ci" } }
  deliveries = { app = { aws_secrets_manager = { secret_id = "prod/ci" } } }
}
