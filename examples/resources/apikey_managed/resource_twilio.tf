# API keys of a Twilio account that may read messages and nothing else, with its auth token in TWILIO_AUTH_TOKEN.
resource "apikey_rotation_policy" "messages" {
  name = "messages"
  tier = "standard"
}

resource "apikey_managed" "messages" {
  name        = "messages"
  environment = "prod"
  owner       = "support-team"
  policy      = apikey_rotation_policy.messages

  issuer = {
    twilio_api_key = {
      account_sid = "ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
      permissions = ["/twilio/messaging/messages/read"]
    }
  }

  deliveries = {
    app = { file = { path = "secrets/messages.env", format = "dotenv", prefix = "TWILIO_KEY" } }
  }
}
