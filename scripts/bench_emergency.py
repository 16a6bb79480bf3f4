#!/usr/bin/env python3
"""Measures the way from an emergency to "all keys are contained" at AWS, beside a script that loops over AWS's calls.

A user of IAM has two keys at most, so each key has a user of its own. One `terraform apply` replaces them all: each new key is
proved before it is delivered, each old one after it was deleted, and every step is in the ledger. The script does the least
that contains a key, one after the other: create, write, list, delete. Both talk to the same moto through the same proxy, which
counts, and hands each answer on after 50 ms: a call to AWS takes that long at best. Usage: bench_emergency.py BINARY [KEYS]
"""

import http.client
import http.server
import json
import pathlib
import re
import sys
import tempfile
import threading
import time
import urllib.parse

import bench_requests as aws

LATENCY = 0.05

CONFIG = """
terraform {
  required_providers { apikey = { source = "apikey-dev/apikey" } }
}
variable "incident" {
  type    = string
  default = null
}
resource "apikey_rotation_policy" "bench" {
  name      = "bench"
  tier      = "standard"
  emergency = var.incident == null ? null : { id = var.incident, reason = "measured" }
}
resource "apikey_managed" "key" {
  count      = %(count)d
  name       = "bench-${count.index}"
  policy     = apikey_rotation_policy.bench
  issuer     = { aws_iam = { user_name = "bench-${count.index}" } }
  deliveries = { app = { aws_secrets_manager = { secret_id = "bench-${count.index}" } } }
}
"""


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    binary = pathlib.Path(sys.argv[1]).resolve()
    count = int(sys.argv[2]) if len(sys.argv) == 3 else 100
    with aws.cloud() as (cli, url), tempfile.TemporaryDirectory() as folder:
        for number in range(count):
            aws.create_user(f"bench-{number}")
            aws.create_user(f"loop-{number}")
        ours = with_terraform(cli, binary, pathlib.Path(folder), url, count)
        theirs = with_a_script(url, count)
    print(f"ratio of the times: {ours / theirs:.2f}", flush=True)


def with_terraform(cli, binary, scratch, url, count):
    (scratch / "main.tf").write_text(CONFIG % {"count": count})
    env = aws.environment(binary, scratch, url)
    env["APIKEY_CLOCK"] = "2026-01-01T00:00:00Z"
    aws.run(cli, scratch, env, "apply", "-auto-approve")
    env["TF_VAR_incident"] = "INC-1"
    aws.Counter.counted.clear()
    aws.Counter.latency = LATENCY
    begun = time.monotonic()
    aws.run(cli, scratch, env, "apply", "-auto-approve")
    return told("one apply", time.monotonic() - begun, count)


def with_a_script(url, count):
    script = Script(url)
    for number in range(count):
        script.secrets("CreateSecret", {"Name": f"loop-{number}", "SecretString": script.new_key(number)})
    aws.Counter.counted.clear()
    aws.Counter.latency = LATENCY
    begun = time.monotonic()
    for number in range(count):
        old = script.keys(number)
        script.secrets("PutSecretValue", {"SecretId": f"loop-{number}", "SecretString": script.new_key(number)})
        for key in old:
            script.iam("DeleteAccessKey", UserName=f"loop-{number}", AccessKeyId=key)
    return told("the script", time.monotonic() - begun, count)


def told(what, seconds, count):
    requests = sum(aws.Counter.counted.values())
    print(f"{count} keys contained by {what}: {seconds:.1f} s, {requests / count:.1f} requests a key", flush=True)
    return seconds


class Script:
    """The calls that somebody would make by hand, over one connection."""

    def __init__(self, url):
        self.connection = http.client.HTTPConnection(urllib.parse.urlsplit(url).netloc)

    def new_key(self, number):
        return self.iam("CreateAccessKey", UserName=f"loop-{number}")

    def keys(self, number):
        listed = self.iam("ListAccessKeys", UserName=f"loop-{number}")
        return re.findall(r"<AccessKeyId>(\w+)</AccessKeyId>", listed)

    def iam(self, action, **fields):
        body = urllib.parse.urlencode({"Action": action, "Version": "2010-05-08"} | fields)
        return self.post(body, {"Content-Type": "application/x-www-form-urlencoded"}, "us-east-1/iam")

    def secrets(self, operation, fields):
        headers = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": f"secretsmanager.{operation}"}
        body = {"ClientRequestToken": f"{time.monotonic_ns():032}"} | fields
        return self.post(json.dumps(body), headers, "eu-central-1/secretsmanager")

    def post(self, body, headers, scope):
        who = f"AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20260101/{scope}/aws4_request"
        self.connection.request("POST", "/", body, headers | {"Authorization": who})
        answer = self.connection.getresponse()
        text = answer.read().decode()
        if answer.status != 200:
            sys.exit(f"bench: {answer.status} {text}")
        return text


if __name__ == "__main__":
    main()
