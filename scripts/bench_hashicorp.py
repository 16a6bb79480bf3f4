#!/usr/bin/env python3
"""Measures many keys of IAM users in Secrets Manager beside hashicorp/aws, which takes three resources for each.

Both plan, create, refresh and rotate against the same moto, one after the other, through the same proxy, which counts. Ours
proves each new key, writes down every step in a ledger and revokes the old keys in an apply of their own, after their grace;
hashicorp/aws deletes them in the apply that replaces them. HASHICORP_AWS names its plugin, which bench.sh looks for; without it
only ours is measured. Usage: bench_hashicorp.py BINARY [KEYS]
"""

import os
import pathlib
import sys
import tempfile
import time

import bench_requests as aws

OURS = """
terraform {
  required_providers { apikey = { source = "apikey-dev/apikey" } }
}
resource "apikey_rotation_policy" "bench" {
  name              = "bench"
  rotation_interval = "100s"
  stage_before      = "0s"
  propagation_delay = "0s"
  grace_period      = "30s"
}
resource "apikey_managed" "key" {
  count      = %(count)d
  name       = "bench-${count.index}"
  policy     = apikey_rotation_policy.bench
  issuer     = { aws_iam = { user_name = "ours-${count.index}" } }
  deliveries = { app = { aws_secrets_manager = { secret_id = "ours-${count.index}" } } }
}
"""

THEIRS = """
terraform {
  required_providers { aws = { source = "hashicorp/aws" } }
}
variable "round" {
  type    = number
  default = 1
}
resource "terraform_data" "round" {
  input = var.round
}
resource "aws_iam_access_key" "key" {
  count = %(count)d
  user  = "theirs-${count.index}"
  lifecycle {
    create_before_destroy = true
    replace_triggered_by  = [terraform_data.round]
  }
}
resource "aws_secretsmanager_secret" "key" {
  count = %(count)d
  name  = "theirs-${count.index}"
}
resource "aws_secretsmanager_secret_version" "key" {
  count         = %(count)d
  secret_id     = aws_secretsmanager_secret.key[count.index].id
  secret_string = jsonencode({ id = aws_iam_access_key.key[count.index].id, secret = aws_iam_access_key.key[count.index].secret })
}
"""

STEPS = ["plan", "create", "refresh", "rotate", "revoke"]


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    binary = pathlib.Path(sys.argv[1]).resolve()
    count = int(sys.argv[2]) if len(sys.argv) == 3 else 200
    with aws.cloud() as (cli, url), tempfile.TemporaryDirectory() as folder:
        ours = measure_ours(Workspace(cli, binary, url, pathlib.Path(folder) / "ours", OURS, count))
        plugin = hashicorp()
        if plugin is None:
            print("bench: hashicorp/aws is not on this machine (HASHICORP_AWS); it is skipped.", flush=True)
        theirs = {}
        if plugin:
            theirs = measure_theirs(Workspace(cli, plugin, url, pathlib.Path(folder) / "theirs", THEIRS, count))
    for step in STEPS:
        tell(step, count, ours[step], theirs.get(step))


class Workspace:
    """One configuration, and what each command costs in it."""

    def __init__(self, cli, binary, url, folder, config, count):
        folder.mkdir()
        (folder / "main.tf").write_text(config % {"count": count})
        self.cli, self.folder = cli, folder
        self.env = aws.environment(binary, folder, url)
        for number in range(count):
            aws.create_user(f"{folder.name}-{number}")

    def run(self, *commands):
        aws.Counter.counted.clear()
        begun = time.monotonic()
        for command, argument in commands:
            aws.run(self.cli, self.folder, self.env, command, argument)
        return time.monotonic() - begun, sum(aws.Counter.counted.values())


PLAN, APPLY = ("plan", "-out=plan"), ("apply", "plan")


def measure_ours(workspace):
    measured = {}
    for second, steps in [
        (0, {"plan": [PLAN], "create": [APPLY]}),
        (1, {"refresh": [PLAN]}),
        (100, {"rotate": [PLAN, APPLY]}),
        (130, {"revoke": [PLAN, APPLY]}),
    ]:
        workspace.env["APIKEY_CLOCK"] = f"2026-01-01T00:{second // 60:02}:{second % 60:02}Z"
        measured |= {step: workspace.run(*commands) for step, commands in steps.items()}
    return measured


def measure_theirs(workspace):
    measured = {"plan": workspace.run(PLAN), "create": workspace.run(APPLY), "refresh": workspace.run(PLAN)}
    workspace.env["TF_VAR_round"] = "2"
    return measured | {"rotate": workspace.run(PLAN, APPLY)}


def hashicorp():
    """The plugin, if it is on the machine."""
    told = os.environ.get("HASHICORP_AWS")
    return pathlib.Path(told).resolve() if told else None


def tell(step, count, ours, theirs):
    each = lambda measured: f"{measured[0]:.1f} s, {measured[1] / count:.2f} requests a key"
    line = f"{step} {count} keys: {each(ours)}"
    if theirs:
        line += f"; hashicorp/aws: {each(theirs)}; ratio {ours[0] / theirs[0]:.2f} of the time"
        line += f", {ours[1] / theirs[1]:.2f} of the requests"
    elif step == "revoke":
        line += "; hashicorp/aws has done so in the rotation"
    print(line, flush=True)


if __name__ == "__main__":
    main()
