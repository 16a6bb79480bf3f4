# The run that applies prod waits for one of two people, and only the default branch may start it. The credentials of prod are
# secrets of this environment, so that no other job reads them.
data "github_user" "keepers" {
  for_each = toset(["ann", "eve"])
  username = each.value
}

resource "github_repository_environment" "prod" {
  repository          = "infrastructure"
  environment         = "prod"
  can_admins_bypass   = false
  prevent_self_review = true

  reviewers {
    users = [for user in data.github_user.keepers : user.id]
  }

  deployment_branch_policy {
    protected_branches     = true
    custom_branch_policies = false
  }
}
