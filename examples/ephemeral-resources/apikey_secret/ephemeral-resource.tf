resource "apikey_managed" "deployer" {
  name   = "deployer"
  policy = { name = "monthly", rotation_interval = "30d" }
  issuer = { aws_iam = { user_name = "deployer" } }

  deliveries = {
    app = { aws_secrets_manager = { secret_id = "prod/deployer" } }
  }
}

# Reads the key in the plan and again in the apply. No state and no plan holds it.
ephemeral "apikey_secret" "deployer" {
  delivery    = apikey_managed.deployer.deliveries["app"]
  fingerprint = apikey_managed.deployer.primary.fingerprint
}

# Any provider can run with it, hashicorp/aws as well as this one.
provider "apikey" {
  alias = "as_deployer"

  aws = {
    access_key = ephemeral.apikey_secret.deployer.primary.key_id
    secret_key = ephemeral.apikey_secret.deployer.primary.secret
  }
}
