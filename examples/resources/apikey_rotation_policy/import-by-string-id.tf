import {
  to = apikey_rotation_policy.high
  id = "high-privilege"
}
