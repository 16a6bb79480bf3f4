# A stack of Spacelift that applies every morning what is due.
terraform {
  required_providers {
    spacelift = { source = "spacelift-io/spacelift" }
  }
}

variable "repository" {
  type        = string
  description = "Repository with the configuration, without its owner."
}

variable "worker_pool_id" {
  type        = string
  description = "Workers of your own, whose network reaches the ledger: schedules run on no others."
}

variable "context_id" {
  type        = string
  description = "Context with APIKEY_LEDGER_URL, as a secret. It is made by hand, so that it is in no state."
}

resource "spacelift_stack" "keys" {
  name           = "api-keys"
  repository     = var.repository
  branch         = "main"
  worker_pool_id = var.worker_pool_id
  # Without it, a run waits for somebody, and those after it wait behind it.
  autodeploy = true

  # It fails the run where a key is overdue, has leaked or is compromised, also if the apply did nothing wrong.
  after_apply = [
    "$(find -L .terraform/providers -name 'terraform-provider-apikey*' -type f | head -n 1) status --fail-on compromised,leaked,overdue,failed,broken",
  ]
}

resource "spacelift_context_attachment" "ledger" {
  context_id = var.context_id
  stack_id   = spacelift_stack.keys.id
}

resource "spacelift_scheduled_run" "rotate" {
  stack_id = spacelift_stack.keys.id
  name     = "rotate"
  every    = ["17 5 * * *"]
  timezone = "UTC"
}
