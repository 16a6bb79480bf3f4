# Access keys of an IAM user, delivered to Secrets Manager and to a developer's machine.
resource "apikey_rotation_policy" "ci" {
  name                      = "ci"
  tier                      = "high_privilege"
  revoke_only_if_unused_for = "24h"
}

resource "apikey_managed" "ci" {
  name        = "ci"
  environment = "prod"
  owner       = "platform-team"
  policy      = apikey_rotation_policy.ci

  issuer = { aws_iam = { user_name = "ci" } }

  deliveries = {
    pipeline = { aws_secrets_manager = { secret_id = "prod/ci/aws" } }
    local    = { file = { path = "secrets/ci.env", format = "dotenv", prefix = "CI_AWS" } }
  }
}
