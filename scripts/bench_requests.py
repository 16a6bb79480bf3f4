#!/usr/bin/env python3
"""Counts the requests that one key costs at AWS: to create, to refresh, to rotate and to revoke.

Runs the real command line against moto, through a proxy that counts. The plan and the apply of a step are counted
together. Usage: bench_requests.py BINARY
"""

import collections
import contextlib
import http.client
import http.server
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse

CONFIG = """
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
  name       = "bench"
  policy     = apikey_rotation_policy.bench
  issuer     = { aws_iam = { user_name = "bench" } }
  deliveries = { app = { aws_secrets_manager = { secret_id = "bench" } } }
}
"""

# What happens to the key, and at which second of its life.
STEPS = [("creating", 0), ("refreshing", 1), ("rotating", 100), ("revoking", 130)]


REFUSED = b"<ErrorResponse><Error><Code>InvalidClientTokenId</Code><Message>gone</Message></Error></ErrorResponse>"


class Counter(http.server.BaseHTTPRequestHandler):
    """Counts by operation, and hands on. A key that was deleted is refused, which moto does not do unless it is told to."""

    upstream = None
    counted = collections.Counter()
    deleted = set()
    # How long each answer is on its way, in seconds.
    latency = 0.0

    def do_POST(self):
        time.sleep(self.latency)
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        target = self.headers.get("X-Amz-Target") or ""
        action = re.search(rb"Action=(\w+)", body)
        operation = target.split(".")[-1] or (action.group(1).decode() if action else "?")
        Counter.counted[operation] += 1
        if operation == "DeleteAccessKey":
            Counter.deleted.add(re.search(rb"AccessKeyId=(\w+)", body).group(1).decode())
        signer = re.search(r"Credential=(\w+)", self.headers.get("Authorization", ""))
        if signer and signer.group(1) in Counter.deleted:
            return self.answer(403, [], REFUSED)
        connection = http.client.HTTPConnection("127.0.0.1", self.upstream)
        connection.request("POST", self.path, body, dict(self.headers))
        answer = connection.getresponse()
        self.answer(answer.status, answer.getheaders(), answer.read())

    def answer(self, status, headers, content):
        self.send_response(status)
        for name, value in headers:
            if name.lower() not in ("transfer-encoding", "content-length", "connection", "date", "server"):
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        pass


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    binary = pathlib.Path(sys.argv[1]).resolve()
    with cloud() as (cli, url), tempfile.TemporaryDirectory() as scratch:
        create_user("bench")
        measure(cli, binary, pathlib.Path(scratch), url)


@contextlib.contextmanager
def cloud():
    """A moto behind the proxy that counts: the command line, and the address of the proxy."""
    cli = os.environ.get("TF_ACC_TERRAFORM_PATH") or shutil.which("terraform") or shutil.which("tofu")
    server = shutil.which("moto_server")
    if cli is None or server is None:
        sys.exit("bench: terraform (or tofu) and moto_server must be on PATH; install what is missing first.")
    Counter.upstream = free_port()
    command = [server, "-H", "127.0.0.1", "-p", str(Counter.upstream)]
    moto = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for(Counter.upstream)
        proxy = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Counter)
        threading.Thread(target=proxy.serve_forever, daemon=True).start()
        yield cli, f"http://127.0.0.1:{proxy.server_port}"
    finally:
        moto.terminate()
        moto.wait()


def measure(cli, binary, scratch, url):
    (scratch / "main.tf").write_text(CONFIG)
    env = environment(binary, scratch, url)
    for step, second in STEPS:
        env["APIKEY_CLOCK"] = f"2026-01-01T00:{second // 60:02}:{second % 60:02}Z"
        Counter.counted.clear()
        run(cli, scratch, env, "plan", "-out=plan")
        if step != "refreshing":
            run(cli, scratch, env, "apply", "plan")
        each = ", ".join(f"{name} {count}" for name, count in sorted(Counter.counted.items()))
        print(f"requests to AWS for {step} one key: {sum(Counter.counted.values())} ({each})", flush=True)


def environment(binary, scratch, url):
    rc = scratch / "cli.tfrc"
    source = "hashicorp/aws" if binary.name.startswith("terraform-provider-aws") else "apikey-dev/apikey"
    overrides = f"{source!r} = {str(binary.parent)!r}".replace("'", '"')
    rc.write_text("provider_installation {\n  dev_overrides { %s }\n  direct {}\n}\n" % overrides)
    env = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "TF_", "APIKEY_"))}
    return env | {
        "TF_CLI_CONFIG_FILE": str(rc),
        "CHECKPOINT_DISABLE": "1",
        "AWS_ENDPOINT_URL": url,
        "AWS_REGION": "eu-central-1",
        "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "made-up",
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def run(cli, scratch, env, command, argument):
    line = [cli, command, "-no-color", argument]
    done = subprocess.run(line, cwd=scratch, env=env, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"bench: {command} failed\n{done.stdout}\n{done.stderr}")


def create_user(name):
    body = urllib.parse.urlencode({"Action": "CreateUser", "Version": "2010-05-08", "UserName": name})
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        "Authorization": "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20260101/us-east-1/iam/aws4_request",
    }
    connection = http.client.HTTPConnection("127.0.0.1", Counter.upstream)
    connection.request("POST", "/", body, headers)
    answer = connection.getresponse()
    if answer.status != 200:
        sys.exit(f"bench: the user could not be created: {answer.read().decode()}")


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def wait_for(port):
    for _ in range(300):
        with socket.socket() as found:
            if found.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    sys.exit("bench: moto_server does not start")


if __name__ == "__main__":
    main()
