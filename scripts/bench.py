#!/usr/bin/env python3
"""Compares the plan of many apikey_managed with the plan of as many terraform_data that hold the same.

terraform_data stores the type of its value beside the value, so the same values make a larger state. It is measured
twice: with the same values, and with as many of them as make a state of the same size.

One key and one terraform_data are created for real; their states are then grown to the number that is measured. So
what is compared is what people wait for every day: a refresh and a plan of everything, without changes. --creation
measures the creation as well, key by key. --ledger compares the creation with a ledger to one without: the aim is 15 %
at most.

Prints medians and the ratio of each pair of runs, so that a noisy machine spoils both sides alike, and the CPU seconds
of the provider beside those of the command line. The aim: a ratio of 0.90 at most, and 5 % of the CPU.
Usage: bench.py BINARY [--keys 2000] [--rounds 3] [--creation | --ledger]
"""

import argparse
import copy
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

# Only triggers_replace is stored once; input would be stored again as output.
DATA = """
resource "terraform_data" "data" {
  count            = %(count)d
  triggers_replace = jsondecode(replace(file("shape.json"), "bench-0", "bench-${count.index}"))
}
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary", type=pathlib.Path)
    parser.add_argument("--keys", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--creation", action="store_true")
    parser.add_argument("--ledger", action="store_true")
    options = parser.parse_args()
    binary = options.binary.resolve()
    cli = os.environ.get("TF_ACC_TERRAFORM_PATH") or shutil.which("terraform") or shutil.which("tofu")
    if cli is None:
        sys.exit("bench: neither terraform nor tofu is on PATH; install one of them first.")

    print(f"command line: {cli}; keys: {options.keys}; rounds: {options.rounds}")
    handshake(binary)
    with tempfile.TemporaryDirectory() as scratch:
        bench = Bench(cli, binary, pathlib.Path(scratch), options.keys)
        if options.ledger:
            return report_ledger([bench.ledger() for _ in range(options.rounds)])
        bench.create_one_of_each()
        bench.grow()
        measure = bench.creation if options.creation else bench.plan
        figures = [measure() for _ in range(options.rounds)]
    report(figures)


class Bench:
    def __init__(self, cli, binary, scratch, keys):
        self.cli, self.binary, self.scratch, self.keys = cli, binary, scratch, keys
        self.times = scratch / "times"
        wrapper = scratch / "bin" / "terraform-provider-apikey"
        wrapper.parent.mkdir()
        # The shell tells afterwards what its child took.
        wrapper.write_text(f'#!/bin/sh\n"{binary}" "$@"\ntimes >>"{self.times}"\n')
        wrapper.chmod(0o755)
        rc = scratch / "cli.tfrc"
        rc.write_text(
            'provider_installation {\n  dev_overrides { "apikey-dev/apikey" = "%s" }\n  direct {}\n}\n'
            % wrapper.parent
        )
        self.env = {**os.environ, "TF_CLI_CONFIG_FILE": str(rc), "CHECKPOINT_DISABLE": "1"}

    def create_one_of_each(self):
        self.ours = self.workspace("keys", KEYS % {"count": 1})
        self.run(self.ours, "apply", "-auto-approve")
        key = instances(self.ours, "apikey_managed")[0]
        wanted, values = size(key), key["attributes"]
        self.theirs = {"the same values": self.data("values", values)}
        small = dict(values)
        while size(self.one_of(self.data("size", small))) > wanted:
            small.pop(max(small, key=lambda name: len(json.dumps(small[name]))))
        small["filler"] = "bench-0"
        missing = wanted - size(self.one_of(self.data("size", small)))
        small["filler"] += "x" * max(missing, 0)
        self.theirs["the same size"] = self.data("size", small)
        sizes = ", ".join(f"{size(self.one_of(work))} with {name}" for name, work in self.theirs.items())
        print(f"bytes in the state of one: apikey_managed {wanted}, terraform_data {sizes}", flush=True)

    def data(self, name, shape):
        work = self.workspace(name, DATA % {"count": 1})
        self.run(work, "init", shape=json.dumps(shape))
        self.run(work, "apply", "-auto-approve")
        return work

    def one_of(self, work):
        return instances(work, "terraform_data")[0]

    def grow(self):
        """One becomes many, in the state and where it was delivered."""
        delivered = self.ours / "out"
        for number in range(1, self.keys):
            shutil.copy(delivered / "0.json", delivered / f"{number}.json")
        others = [(work, "terraform_data", DATA) for work in self.theirs.values()]
        for work, kind, config in [(self.ours, "apikey_managed", KEYS), *others]:
            state = json.loads((work / "terraform.tfstate").read_text())
            resource = next(it for it in state["resources"] if it["type"] == kind)
            first = json.dumps(resource["instances"][0])
            identity = resource["instances"][0]["attributes"]["id"]
            resource["instances"] = [
                json.loads(
                    first.replace("bench-0", f"bench-{number}")
                    .replace("out/0.json", f"out/{number}.json" if kind == "apikey_managed" else "out/0.json")
                    .replace(identity, f"{identity[:-6]}{number:06}")
                    .replace('"index_key": 0', f'"index_key": {number}')
                )
                for number in range(self.keys)
            ]
            state["serial"] += 1
            (work / "terraform.tfstate").write_text(json.dumps(state))
            (work / "main.tf").write_text(config % {"count": self.keys})

    def plan(self):
        return {"plan without changes": self.beside(self.ours, self.theirs, "plan", "-detailed-exitcode")}

    def creation(self):
        ours = self.workspace("new-keys", KEYS % {"count": self.keys})
        theirs = {}
        for number, (name, work) in enumerate(self.theirs.items()):
            theirs[name] = self.workspace(f"new-{number}", DATA % {"count": self.keys})
            self.run(theirs[name], "init", shape=(work / "shape.json").read_text())
        return {
            "plan of the creation": self.beside(ours, theirs, "plan", "-out=plan"),
            "apply of the creation": self.beside(ours, theirs, "apply", "plan"),
            "plan without changes": self.beside(ours, theirs, "plan", "-detailed-exitcode"),
        }

    def ledger(self):
        """Applies of the creation: with a ledger, and without."""
        applies = []
        for name, ledger in [("with", "{}"), ("without", "{ disabled = true }")]:
            work = self.workspace(name, KEYS % {"count": self.keys} + 'provider "apikey" { ledger = %s }' % ledger)
            self.run(work, "plan", "-out=plan")
            applies.append(self.measure(work, "apply", "plan"))
        print("  apply: %.2f s with a ledger, %.2f s without" % tuple(it["wall"] for it in applies), flush=True)
        return applies

    def beside(self, ours, theirs, *arguments):
        ours = self.measure(ours, *arguments)
        theirs = {name: self.measure(work, *arguments) for name, work in theirs.items()}
        walls = " and ".join(f"{it['wall']:.2f} s" for it in theirs.values())
        print(f"  {arguments[0]}: {ours['wall']:.2f} s beside {walls}", flush=True)
        return ours, theirs

    def workspace(self, name, config):
        work = self.scratch / name
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir()
        (work / "main.tf").write_text(config)
        return work

    def run(self, work, *arguments, shape=None):
        if shape is not None:
            (work / "shape.json").write_text(shape)
        command = [self.cli, *arguments, "-no-color"]
        with open(work / "log", "w+") as log:
            process = subprocess.Popen(command, cwd=work, env=self.env, stdout=log, stderr=subprocess.STDOUT)
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            if process.returncode != 0:
                log.seek(0)
                sys.exit(f"bench: {' '.join(command)} ended with {process.returncode}:\n{log.read()[-4000:]}")
        return usage.ru_utime + usage.ru_stime

    def measure(self, work, *arguments):
        self.times.write_text("")
        with Watch(self.binary) as watch:
            start = time.monotonic()
            # What the command line took, and everything that it started.
            total = self.run(work, *arguments)
            wall = time.monotonic() - start
        provider = sum(seconds(word) for word in self.times.read_text().split())
        return {"wall": wall, "cpu": provider, "cli": total - provider, "rss": watch.peak}


def instances(work, kind):
    state = json.loads((work / "terraform.tfstate").read_text())
    return next(it for it in state["resources"] if it["type"] == kind)["instances"]


def size(instance):
    """Bytes in a state without spaces."""
    instance = copy.deepcopy(instance)
    instance.pop("index_key", None)
    return len(json.dumps(instance, separators=(",", ":")))


def seconds(word):
    """0m1.25s"""
    minutes, rest = word.rstrip("s").split("m")
    return 60 * int(minutes) + float(rest)


class Watch(threading.Thread):
    """Follows the provider's processes: peak resident memory (KiB)."""

    def __init__(self, binary):
        super().__init__(daemon=True)
        self.binary, self.peak, self.done = str(binary), 0, threading.Event()

    def run(self):
        while not self.done.wait(0.2):
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


def report_ledger(rounds):
    for name, of in [("wall", "the time"), ("cpu", "the CPU of the provider")]:
        ratios = [ours[name] / theirs[name] for ours, theirs in rounds]
        print(f"with a ledger, {of} is {median(ratios):.2f} of that without ({min(ratios):.2f} to {max(ratios):.2f})")


def median(figures):
    return statistics.median(figures)


def report(rounds):
    for step in rounds[0]:
        measured = [figures[step] for figures in rounds]
        ours = [ours for ours, _ in measured]
        cpu, cli = median(it["cpu"] for it in ours), median(it["cli"] for it in ours)
        print(
            f"{step}: {median(it['wall'] for it in ours):.2f} s; provider {cpu:.2f} s of CPU, "
            f"{100 * cpu / cli:.1f} % of the {cli:.2f} s of the command line, "
            f"{max(it['rss'] for it in ours) / 1024:.0f} MB at most"
        )
        for name in measured[0][1]:
            theirs = [theirs[name] for _, theirs in measured]
            ratios = [one["wall"] / other["wall"] for one, other in zip(ours, theirs)]
            busy = [(one["cpu"] + one["cli"]) / other["cli"] for one, other in zip(ours, theirs)]
            print(
                f"  beside terraform_data with {name}: {median(it['wall'] for it in theirs):.2f} s, "
                f"ratio {median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f}), of all CPU {median(busy):.2f}"
            )


if __name__ == "__main__":
    main()
