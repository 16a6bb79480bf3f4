# Keys of a Google service account in Secret Manager, where only one side ever has the private key.
resource "apikey_rotation_policy" "google" {
  name = "google"
  tier = "standard"
}

resource "apikey_managed" "payments_google" {
  name        = "payments_google"
  environment = "prod"
  policy      = apikey_rotation_policy.google

  issuer = {
    google_service_account_key = {
      service_account_id = "payments@payments-prod.iam.gserviceaccount.com"
      upload             = true
    }
  }

  deliveries = {
    app = {
      google_secret_manager = {
        secret_id         = "payments-google"
        replica_locations = ["europe-west1", "europe-west3"]
        labels            = { team = "payments" }
      }
    }
  }
}
