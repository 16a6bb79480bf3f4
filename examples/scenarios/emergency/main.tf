# A key is in the wrong hands. `terraform apply -var incident=INC-42` replaces it and revokes it in one apply.

terraform {
  required_providers {
    apikey = { source = "apikey-dev/apikey" }
  }
}

variable "incident" {
  description = "The number of the incident while there is one. It may stay: each is handled once."
  type        = string
  default     = null
}

variable "order" {
  description = "replace_first (nobody is without a key) or revoke_first (the key is dead before anything else)."
  type        = string
  default     = "replace_first"
}

resource "apikey_rotation_policy" "standard" {
  name = "standard"
  tier = "standard"
}

resource "apikey_managed" "payments" {
  name   = "payments"
  owner  = "payments-team"
  policy = apikey_rotation_policy.standard
  issuer = { generated = { prefix = "demo" } }

  deliveries = {
    app = { file = { path = "secrets/payments.env", format = "dotenv" } }
  }

  emergency = var.incident == null ? null : {
    id     = var.incident
    reason = "a laptop with the key was stolen"
    order  = var.order
    scope  = "all"
  }
}

output "status" {
  description = "How the key is doing."
  value       = "${apikey_managed.payments.status}: ${apikey_managed.payments.status_reason}"
}
