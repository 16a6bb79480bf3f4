import {
  to       = apikey_rotation_policy.high
  identity = { name = "high-privilege" }
}
