# A colleague leaves. Every key of theirs is rotated once, with its grace, and asks for a new owner.
# The durations are seconds, so that one can watch; a real policy says `tier = "standard"`.

terraform {
  required_providers {
    apikey = { source = "apikey-dev/apikey" }
  }
}

variable "offboarded_owners" {
  description = "Who has left. From wherever you keep it."
  type        = list(string)
  default     = []
}

variable "owners" {
  description = "Who answers for each key."
  type        = map(string)
  default     = { payments = "bob", mail = "ann" }
}

resource "apikey_rotation_policy" "watched" {
  name              = "watched"
  rotation_interval = "1h"
  propagation_delay = "2s"
  grace_period      = "3s"
  require_owner     = true
  offboarded_owners = var.offboarded_owners
}

resource "apikey_managed" "this" {
  for_each = var.owners

  name       = each.key
  owner      = each.value
  policy     = apikey_rotation_policy.watched
  issuer     = { generated = { prefix = "demo" } }
  deliveries = { app = { file = { path = "secrets/${each.key}.env", format = "dotenv" } } }
}

output "status" {
  description = "How each key is doing."
  value       = { for name, key in apikey_managed.this : name => "${key.owner}: ${key.status}: ${key.status_reason}" }
}
