terraform {
  required_providers {
    apikey = { source = "apikey-dev/apikey" }
  }
}

# Needed only to say something else than what the vendors' own tools already know.
provider "apikey" {
  aws = {
    region = "eu-central-1"
  }
}
