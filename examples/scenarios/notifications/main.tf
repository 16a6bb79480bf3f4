# The team hears of what happens in Slack, the pager is called for what fails, and partners hear of a rotation a month before.

terraform {
  required_providers {
    apikey = { source = "apikey-dev/apikey" }
  }
}

# Ephemeral: neither a state nor a saved plan holds them. Each apply is given them anew, such as by TF_VAR_slack_url.
variable "slack_url" {
  description = "Address of an incoming webhook of Slack."
  type        = string
  ephemeral   = true
}

variable "routing_key" {
  description = "Integration key of a service of PagerDuty."
  type        = string
  ephemeral   = true
}

variable "partners" {
  description = "Where the partners' gateway listens, and what its messages are signed with."
  type        = object({ url = string, signing_secret = string })
  ephemeral   = true
}

provider "apikey" {
  notifications = {
    team     = { slack = { url = var.slack_url } }
    oncall   = { pagerduty = { routing_key = var.routing_key } }
    partners = { webhook = { url = var.partners.url, signing_secrets = [var.partners.signing_secret] } }
  }
}

resource "apikey_rotation_policy" "embedded" {
  name          = "embedded"
  tier          = "standard"
  notice_period = "30d"

  notifications = {
    team     = { events = ["staged", "promoted", "emergency"] }
    oncall   = { events = ["failed", "blocked", "emergency"] }
    partners = { events = ["notice", "promoted"], guide_url = "https://example.com/move-to-the-new-key" }
  }
}

resource "apikey_managed" "maps" {
  name       = "maps"
  policy     = apikey_rotation_policy.embedded
  issuer     = { generated = { prefix = "demo" } }
  deliveries = { app = { file = { path = "secrets/maps.env", format = "dotenv" } } }
}
