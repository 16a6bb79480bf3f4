# EventBridge Scheduler starts a CodeBuild project every day, which applies the configuration with the API keys.
#
# The build has a role that may rotate the keys of the users that are named, and nothing else. It owns none of them.
terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}

variable "name" {
  type    = string
  default = "apikey-rotate"
}

variable "repository" {
  type        = string
  description = "URL of the repository with the configuration, to which CodeBuild has a connection."
}

variable "ledger_parameter" {
  type        = string
  description = "Name of the SecureString parameter that holds APIKEY_LEDGER_URL, such as /apikey/ledger-url."
}

variable "user_names" {
  type        = list(string)
  description = "IAM users whose keys are rotated."
}

variable "secret_prefix" {
  type        = string
  description = "Beginning of the names of the secrets in Secrets Manager that the keys are delivered to, such as apikeys/."
}

variable "state" {
  type        = object({ bucket = string, key = string })
  description = "Where the state lies in S3, with use_lockfile = true in its backend."
}

data "aws_caller_identity" "here" {}
data "aws_region" "here" {}
data "aws_partition" "here" {}

locals {
  account   = data.aws_caller_identity.here.account_id
  region    = data.aws_region.here.name
  partition = data.aws_partition.here.partition
  arn       = "arn:${local.partition}"
  bucket    = "${local.arn}:s3:::${var.state.bucket}"
}

# What the build may do.

data "aws_iam_policy_document" "build_trust" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["codebuild.amazonaws.com"]
    }
    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account]
    }
  }
}

data "aws_iam_policy_document" "build" {
  statement {
    actions   = ["iam:CreateAccessKey", "iam:ListAccessKeys", "iam:UpdateAccessKey", "iam:DeleteAccessKey", "iam:GetAccessKeyLastUsed"]
    resources = [for user in var.user_names : "${local.arn}:iam::${local.account}:user/${user}"]
  }
  statement {
    actions = [
      "secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue", "secretsmanager:PutSecretValue",
      "secretsmanager:CreateSecret", "secretsmanager:DeleteSecret", "secretsmanager:RestoreSecret",
      "secretsmanager:TagResource",
    ]
    resources = ["${local.arn}:secretsmanager:${local.region}:${local.account}:secret:${var.secret_prefix}*"]
  }
  statement {
    actions   = ["s3:GetObject", "s3:PutObject"]
    resources = ["${local.bucket}/${var.state.key}"]
  }
  statement {
    actions   = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"]
    resources = ["${local.bucket}/${var.state.key}.tflock"]
  }
  statement {
    actions   = ["s3:ListBucket"]
    resources = [local.bucket]
  }
  statement {
    actions   = ["ssm:GetParameters"]
    resources = ["${local.arn}:ssm:${local.region}:${local.account}:parameter/${trimprefix(var.ledger_parameter, "/")}"]
  }
  statement {
    actions   = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${local.arn}:logs:${local.region}:${local.account}:log-group:/aws/codebuild/${var.name}*"]
  }
}

resource "aws_iam_role" "build" {
  name               = "${var.name}-build"
  assume_role_policy = data.aws_iam_policy_document.build_trust.json
}

resource "aws_iam_role_policy" "build" {
  role   = aws_iam_role.build.id
  policy = data.aws_iam_policy_document.build.json
}

resource "aws_codebuild_project" "rotate" {
  name          = var.name
  service_role  = aws_iam_role.build.arn
  build_timeout = 60
  # A second start is refused while one is at work, not queued.
  concurrent_build_limit = 1

  source {
    type      = "GITHUB"
    location  = var.repository
    buildspec = file("${path.module}/buildspec.yml")
  }

  artifacts {
    type = "NO_ARTIFACTS"
  }

  environment {
    compute_type = "BUILD_GENERAL1_SMALL"
    image        = "aws/codebuild/amazonlinux-x86_64-standard:5.0"
    type         = "LINUX_CONTAINER"

    environment_variable {
      name  = "APIKEY_LEDGER_URL"
      type  = "PARAMETER_STORE"
      value = var.ledger_parameter
    }
  }
}

# What starts it.

resource "aws_scheduler_schedule_group" "rotate" {
  name = var.name
}

data "aws_iam_policy_document" "schedule_trust" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["scheduler.amazonaws.com"]
    }
    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account]
    }
    # The group, not the schedule.
    condition {
      test     = "StringEquals"
      variable = "aws:SourceArn"
      values   = [aws_scheduler_schedule_group.rotate.arn]
    }
  }
}

data "aws_iam_policy_document" "schedule" {
  statement {
    actions   = ["codebuild:StartBuild"]
    resources = [aws_codebuild_project.rotate.arn]
  }
}

resource "aws_iam_role" "schedule" {
  name               = "${var.name}-schedule"
  assume_role_policy = data.aws_iam_policy_document.schedule_trust.json
}

resource "aws_iam_role_policy" "schedule" {
  role   = aws_iam_role.schedule.id
  policy = data.aws_iam_policy_document.schedule.json
}

resource "aws_scheduler_schedule" "rotate" {
  name                = var.name
  group_name          = aws_scheduler_schedule_group.rotate.name
  schedule_expression = "cron(17 5 * * ? *)"

  flexible_time_window {
    mode                      = "FLEXIBLE"
    maximum_window_in_minutes = 30
  }

  target {
    arn      = aws_codebuild_project.rotate.arn
    role_arn = aws_iam_role.schedule.arn

    # It may be started twice, which does no harm, and tomorrow comes by itself.
    retry_policy {
      maximum_retry_attempts = 1
    }
  }
}
