# The whole life of a key in half a minute. The durations are seconds here, so that one can watch;
# a real policy says days.

terraform {
  required_providers {
    apikey = { source = "apikey-dev/apikey" }
  }
}

resource "apikey_rotation_policy" "fast" {
  name              = "fast"
  rotation_interval = "20s" # how long a key is primary
  stage_before      = "10s" # the next key is delivered as secondary this long before
  propagation_delay = "2s"  # and delivered at least this long before it becomes primary
  grace_period      = "3s"  # the old key stays valid this long after the swap
}

resource "apikey_managed" "payments" {
  name   = "payments"
  owner  = "payments-team"
  policy = apikey_rotation_policy.fast

  # Keys for a service of your own, minted by the provider itself. No account is needed.
  issuer = { generated = { prefix = "demo" } }

  # The application reads both keys from here and tries the primary first.
  deliveries = {
    app = { file = { path = "secrets/payments.env", format = "dotenv" } }
  }
}

output "status" {
  description = "How the key is doing, and what comes next."
  value       = "${apikey_managed.payments.status}: ${apikey_managed.payments.status_reason}"
}
