# A rotation on demand: change the trigger and apply.
variable "rotate" {
  description = "Change it to rotate the key now."
  type        = string
  default     = "2026-01"
}

resource "apikey_rotation_policy" "on_demand" {
  name              = "on-demand"
  tier              = "low_risk"
  propagation_delay = "0s" # stage and promote in one apply
}

resource "apikey_managed" "reports" {
  name             = "reports"
  policy           = apikey_rotation_policy.on_demand
  rotation_trigger = var.rotate

  issuer = { generated = { prefix = "acme_reports" } }

  deliveries = {
    app = { file = { path = "secrets/reports.json" } }
  }
}
