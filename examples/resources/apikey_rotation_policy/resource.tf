# A class of keys: the tier sets the interval, 30 days here, and limits it.
resource "apikey_rotation_policy" "high_privilege" {
  name = "high-privilege"
  tier = "high_privilege"
}

# Everything spelled out.
resource "apikey_rotation_policy" "payments" {
  name              = "payments"
  rotation_interval = "60d"
  stage_before      = "7d"  # the new key is delivered as secondary a week before
  propagation_delay = "1d"  # and has been delivered for a day at least before it becomes primary
  grace_period      = "48h" # the old key stays valid for two days after the swap

  # A nightly job may still hold the old key: wait for it, but not for ever.
  revoke_only_if_unused_for = "36h"
  max_grace_period          = "10d"

  notice_period = "14d"
  alert_after   = "7d"
  on_drift      = "rotate"
}
