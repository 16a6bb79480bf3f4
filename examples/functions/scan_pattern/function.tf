locals {
  acme = provider::apikey::scan_pattern("acme_prod")
}

# terraform output -raw gitleaks >> .gitleaks.toml
output "gitleaks" {
  value = local.acme.gitleaks
}

# terraform output -raw trufflehog > trufflehog.yaml
output "trufflehog" {
  value = local.acme.trufflehog
}

# The fields of a custom pattern on GitHub.
output "github" {
  value = local.acme.github
}
