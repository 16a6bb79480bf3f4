# A workspace of HCP Terraform for API keys: people confirm what they change, rotate.sh applies what is due, and an assessment that
# finds what a check block of the configuration names says so: a key that is overdue, has leaked or is compromised.
terraform {
  required_providers {
    tfe = { source = "hashicorp/tfe" }
  }
}

variable "organization" {
  type = string
}

variable "repository" {
  type        = string
  description = "Repository with the configuration, such as acme/keys."
}

variable "github_app_installation_id" {
  type = string
}

variable "slack_url" {
  type      = string
  sensitive = true
}

resource "tfe_workspace" "keys" {
  name         = "api-keys"
  organization = var.organization
  # Runs that are started by a push wait for somebody; those of rotate.sh say for themselves that they do not.
  auto_apply = false
  # Looks at the check blocks of the configuration about once a day. It never applies.
  assessments_enabled = true

  vcs_repo {
    identifier                 = var.repository
    github_app_installation_id = var.github_app_installation_id
  }
}

# An assessment says nothing while the last run of the workspace has failed, so a run that failed has to be told of as well.
resource "tfe_notification_configuration" "overdue" {
  name             = "overdue or compromised keys"
  workspace_id     = tfe_workspace.keys.id
  enabled          = true
  destination_type = "slack"
  url              = var.slack_url
  triggers         = ["assessment:check_failure", "assessment:failed", "run:errored", "run:needs_attention"]
}
