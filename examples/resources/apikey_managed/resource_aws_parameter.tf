# Access keys of an IAM user in Parameter Store: both slots in one parameter, or each in one of its own.
resource "apikey_rotation_policy" "reports" {
  name = "reports"
  tier = "standard"
}

resource "apikey_managed" "reports" {
  name   = "reports"
  policy = apikey_rotation_policy.reports
  issuer = { aws_iam = { user_name = "reports" } }

  deliveries = {
    app = {
      aws_ssm_parameter = {
        name = "/prod/reports/aws"
        tags = { team = "reports" }
      }
    }
    batch = {
      aws_ssm_parameter = {
        name           = "/prod/reports/batch/primary"
        secondary_name = "/prod/reports/batch/secondary"
      }
    }
  }
}
