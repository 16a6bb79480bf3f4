# A workspace of Scalr that applies every morning what is due.
terraform {
  required_providers {
    scalr = { source = "Scalr/scalr" }
  }
}

variable "environment_id" {
  type = string
}

variable "vcs_provider_id" {
  type = string
}

variable "repository" {
  type        = string
  description = "Repository with the configuration, such as acme/keys."
}

variable "agent_pool_id" {
  type        = string
  description = "Agents of your own, whose network reaches the ledger."
}

# APIKEY_LEDGER_URL is a sensitive shell variable of it, made by hand, so that it is in no state.
resource "scalr_workspace" "keys" {
  name            = "api-keys"
  environment_id  = var.environment_id
  vcs_provider_id = var.vcs_provider_id
  agent_pool_id   = var.agent_pool_id
  # Without it, a run waits for somebody.
  auto_apply = true

  vcs_repo {
    identifier = var.repository
    branch     = "main"
  }

  hooks {
    # It fails the run where a key is overdue, has leaked or is compromised, also if the apply did nothing wrong.
    post_apply = "$(find -L .terraform/providers -name 'terraform-provider-apikey*' -type f | head -n 1) status --fail-on compromised,leaked,overdue,failed,broken"
  }
}

# Its clock is UTC.
resource "scalr_run_schedule_rule" "rotate" {
  workspace_id  = scalr_workspace.keys.id
  schedule      = "17 5 * * *"
  schedule_mode = "apply"
}
