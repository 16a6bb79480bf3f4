# When a key that is not managed yet would be due: 2026-05-01T12:00:00Z.
output "due" {
  value = provider::apikey::next_rotation("2026-01-31T12:00:00Z", "90d")
}
