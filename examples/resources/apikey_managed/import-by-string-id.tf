import {
  to = apikey_managed.ci
  id = "aws_iam:AKIAIOSFODNN7EXAMPLE"
}
