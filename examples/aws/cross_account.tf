# The key in the account of the provider, the documents in another one.
resource "apikey_managed" "reports" {
  name   = "reports"
  policy = { name = "reports", tier = "standard" }
  issuer = { aws_iam = { user_name = "reports" } }

  deliveries = {
    app = {
      aws_secrets_manager = {
        secret_id   = "prod/reports/aws"
        assume_role = [{ role_arn = "arn:aws:iam::210987654321:role/deliver", external_id = "apikey" }]
      }
    }
    batch = {
      aws_ssm_parameter = {
        name        = "/prod/reports/aws"
        assume_role = [{ role_arn = "arn:aws:iam::210987654321:role/deliver", external_id = "apikey" }]
      }
    }
  }
}
