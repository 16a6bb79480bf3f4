# One ledger for a team.
terraform {
  required_providers {
    apikey = { source = "apikey-dev/apikey" }
  }
}

variable "ledger_password" {
  type      = string
  sensitive = true
}

provider "apikey" {
  ledger = {
    url = "postgres://apikey:${urlencode(var.ledger_password)}@db.example.com/apikey?sslmode=verify-full"
  }
}
