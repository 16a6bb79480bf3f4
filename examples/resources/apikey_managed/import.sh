# <issuer>:<id of the key>
terraform import apikey_managed.ci aws_iam:AKIAIOSFODNN7EXAMPLE
