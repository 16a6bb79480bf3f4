# dev, then staging, then prod: a key is promoted only after the one before it was promoted and has soaked.
# The durations are seconds, so that one can watch; a real policy has `tier = "standard"` and a soak of days.

terraform {
  required_providers {
    apikey = { source = "apikey-dev/apikey" }
  }
}

locals {
  environments = ["dev", "staging", "prod"] # in this order
}

resource "apikey_rotation_policy" "ordered" {
  name              = "ordered"
  rotation_interval = "20s"
  stage_before      = "10s"
  propagation_delay = "1s"
  grace_period      = "3s"
  environment_order = local.environments
  soak_time         = "4s"
}

# One configuration holds all three here. Where each environment has a state of its own, they share a ledger.
resource "apikey_managed" "stripe" {
  for_each = toset(local.environments)

  name        = "stripe-${each.key}"
  group       = "stripe"
  environment = each.key
  policy      = apikey_rotation_policy.ordered
  issuer      = { generated = { prefix = "demo" } }
  deliveries  = { app = { file = { path = "secrets/${each.key}.env", format = "dotenv" } } }
}

output "status" {
  description = "How each environment is doing."
  value = [
    for name in local.environments :
    "${name}: generation ${apikey_managed.stripe[name].generation}, ${apikey_managed.stripe[name].status}: ${apikey_managed.stripe[name].status_reason}"
  ]
}
