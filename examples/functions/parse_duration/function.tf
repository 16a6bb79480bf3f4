locals {
  interval = provider::apikey::parse_duration("36h")
}

# One length of time in the words of others: timeadd() knows no days.
output "in_other_words" {
  value = {
    canonical  = local.interval.text                                # 1d12h
    seconds    = local.interval.seconds                             # 129600
    iso8601    = local.interval.iso8601                             # P1DT12H
    expires_at = timeadd("2026-01-31T12:00:00Z", local.interval.go) # 2026-02-02T00:00:00Z
  }
}

variable "grace_period" {
  type    = string
  default = "2d"

  validation {
    condition     = provider::apikey::parse_duration(var.grace_period).seconds <= 7 * 24 * 3600
    error_message = "Old keys may live for a week at most."
  }
}
