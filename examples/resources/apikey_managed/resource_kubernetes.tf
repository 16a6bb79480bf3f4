# A key in a Secret of Kubernetes
resource "apikey_managed" "webhooks" {
  name   = "webhooks"
  policy = { name = "standard", tier = "standard" }
  issuer = { generated = { prefix = "acme" } }

  deliveries = {
    # Data keys API_KEY_PRIMARY and API_KEY_SECONDARY; whatever else is in the Secret stays as it is.
    cluster = { kubernetes_secret = { namespace = "payments", name = "api-key" } }
  }
}
