#!/usr/bin/env python3
"""Compares plan and apply of many apikey_managed with as many terraform_data of the same shape and size.

Prints medians and the ratio of each pair of runs, so that a noisy machine spoils both sides alike.
Usage: bench.py BINARY [--keys 2000] [--rounds 3]
"""

import argparse
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time

COOKIE = "d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2"

KEYS = """
terraform {
  required_providers { apikey = { source = "apikey-dev/apikey" } }
}
resource "apikey_rotation_policy" "bench" {
  name = "bench"
  tier = "standard"
}
resource "apikey_managed" "key" {
  count      = %(count)d
  name       = "bench-${count.index}"
  owner      = "bench"
  policy     = apikey_rotation_policy.bench
  issuer     = { generated = { prefix = "bench" } }
  deliveries = { app = { file = { path = "out/${count.index}.json" } } }
}
"""

DATA = """
resource "terraform_data" "data" {
  count = %(count)d
  input = jsondecode(replace(file("shape.json"), "bench-0", "bench-${count.index}"))
}
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("binary", type=pathlib.Path)
    parser.add_argument("--keys", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    binary = options.binary.resolve()
    cli = shutil.which("terraform") or shutil.which("tofu")
    if cli is None:
        sys.exit("bench: neither terraform nor tofu is on PATH; install one of them first.")

    print(f"command line: {cli}; keys: {options.keys}; rounds: {options.rounds}")
    handshake(binary)
    with tempfile.TemporaryDirectory() as scratch:
        bench = Bench(cli, binary, pathlib.Path(scratch), options.keys)
        bench.learn_shape()
        figures = [bench.round() for _ in range(options.rounds)]
    report(figures)


class Bench:
    def __init__(self, cli, binary, scratch, keys):
        self.cli, self.binary, self.scratch, self.keys = cli, binary, scratch, keys
        rc = scratch / "cli.tfrc"
        rc.write_text(
            'provider_installation {\n  dev_overrides { "apikey-dev/apikey" = "%s" }\n  direct {}\n}\n'
            % binary.parent
        )
        self.env = {**os.environ, "TF_CLI_CONFIG_FILE": str(rc), "CHECKPOINT_DISABLE": "1"}

    def learn_shape(self):
        """One real key: its state is the shape that terraform_data gets."""
        work = self.workspace("shape", KEYS % {"count": 1})
        self.terraform(work, "apply", "-auto-approve")
        state = json.loads((work / "terraform.tfstate").read_text())
        key = next(r for r in state["resources"] if r["type"] == "apikey_managed")
        self.shape = json.dumps(key["instances"][0]["attributes"])

    def round(self):
        keys = self.workspace("keys", KEYS % {"count": self.keys})
        data = self.workspace("data", DATA % {"count": self.keys})
        (data / "shape.json").write_text(self.shape)
        self.terraform(data, "init")
        figures = {}
        for step, arguments in [
            ("plan of the creation", ["plan", "-out=plan"]),
            ("apply of the creation", ["apply", "plan"]),
            ("plan without changes", ["plan"]),
        ]:
            ours = self.measure(keys, *arguments)
            theirs = self.measure(data, *arguments)
            print(f"  {step}: {ours['wall']:.2f} s beside {theirs['wall']:.2f} s", flush=True)
            figures[step] = (ours, theirs)
        return figures

    def workspace(self, name, config):
        work = self.scratch / name
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir()
        (work / "main.tf").write_text(config)
        return work

    def terraform(self, work, *arguments):
        command = [self.cli, *arguments, "-no-color"]
        done = subprocess.run(command, cwd=work, env=self.env, capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"bench: {' '.join(command)} failed:\n{done.stderr}")

    def measure(self, work, *arguments):
        with Watch(self.binary) as watch:
            start = time.monotonic()
            self.terraform(work, *arguments)
            return {"wall": time.monotonic() - start, "rss": watch.peak, "cpu": watch.cpu}


class Watch(threading.Thread):
    """Follows the provider's processes: peak resident memory (KiB) and CPU seconds."""

    def __init__(self, binary):
        super().__init__(daemon=True)
        self.binary, self.peak, self.seen, self.done = str(binary), 0, {}, threading.Event()

    @property
    def cpu(self):
        return sum(self.seen.values()) / os.sysconf("SC_CLK_TCK")

    def run(self):
        while not self.done.wait(0.02):
            for entry in pathlib.Path("/proc").glob("[0-9]*"):
                try:
                    if os.readlink(entry / "exe") == self.binary:
                        self.note(entry)
                except OSError:
                    continue

    def note(self, entry):
        status = (entry / "status").read_text()
        peak = next(line for line in status.splitlines() if line.startswith("VmHWM"))
        self.peak = max(self.peak, int(peak.split()[1]))
        fields = (entry / "stat").read_text().rsplit(")", 1)[1].split()
        self.seen[entry.name] = int(fields[11]) + int(fields[12])

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.done.set()
        self.join()


def handshake(binary):
    """From the start of the process to its handshake line, and what it weighs then."""
    times, weights = [], []
    for _ in range(40):
        env = {"TF_PLUGIN_MAGIC_COOKIE": COOKIE, "PLUGIN_PROTOCOL_VERSIONS": "6"}
        start = time.monotonic()
        process = subprocess.Popen(
            [binary], env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        process.stdout.readline()
        times.append((time.monotonic() - start) * 1000)
        status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
        weights.append(int(status.split("VmRSS:")[1].split()[0]) / 1024)
        process.kill()
        process.wait()
    print(f"start to handshake: median {statistics.median(times):.2f} ms, min {min(times):.2f} ms")
    print(f"resident when idle: median {statistics.median(weights):.1f} MB")


def report(rounds):
    for step in rounds[0]:
        pairs = [figures[step] for figures in rounds]
        ours = statistics.median(pair[0]["wall"] for pair in pairs)
        theirs = statistics.median(pair[1]["wall"] for pair in pairs)
        ratios = [pair[0]["wall"] / pair[1]["wall"] for pair in pairs]
        cpu = statistics.median(pair[0]["cpu"] for pair in pairs)
        peak = max(pair[0]["rss"] for pair in pairs) / 1024
        print(
            f"{step}: apikey_managed {ours:.2f} s, terraform_data {theirs:.2f} s, "
            f"ratio {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f}); "
            f"provider: {cpu:.2f} s CPU, {peak:.0f} MB at most"
        )


if __name__ == "__main__":
    main()
