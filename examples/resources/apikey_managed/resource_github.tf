# A key for workflows of GitHub Actions, beside a place that can be read
resource "apikey_managed" "deploy" {
  name   = "deploy"
  policy = { name = "standard", tier = "standard" }
  issuer = { generated = { prefix = "acme" } }

  deliveries = {
    # secrets.API_KEY_PRIMARY and secrets.API_KEY_SECONDARY in every workflow of the repository.
    ci = { github_actions_secret = { repository = "acme/payments" } }
    # Secrets of GitHub cannot be read back, so the key stands here as well.
    app = { file = { path = "secrets/deploy.json" } }
  }
}
