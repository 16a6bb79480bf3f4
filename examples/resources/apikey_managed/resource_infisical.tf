# A key in an Infisical project, written by a machine identity.
resource "apikey_rotation_policy" "reports" {
  name = "reports"
  tier = "standard"
}

resource "apikey_managed" "reports" {
  name   = "reports"
  policy = apikey_rotation_policy.reports
  issuer = { generated = { prefix = "acme_reports" } }

  deliveries = {
    app = {
      infisical = {
        project_id  = "00000000-0000-0000-0000-000000000000"
        environment = "prod"
        prefix      = "REPORTS_KEY"
      }
    }
  }
}
