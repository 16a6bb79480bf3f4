import {
  to       = apikey_managed.ci
  identity = { id = "aws_iam:AKIAIOSFODNN7EXAMPLE" }
}
