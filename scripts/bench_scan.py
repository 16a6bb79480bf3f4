#!/usr/bin/env python3
"""Measures `scan` of a large tree beside rg, which looks for the same forms, and beside gitleaks with the rules that it brings.

All read every byte of every file, binary ones too, and nothing is left out because git ignores it. One round warms the cache; of
the others the median of the ratios counts, taken pair by pair, so that a noisy machine spoils both sides alike. The aim: three
times rg at most. A program that is not there is skipped by name. Usage: bench_scan.py BINARY [TREE]
"""

import pathlib
import shutil
import statistics
import subprocess
import sys
import time

ROUNDS = 5

# What the issuers' keys look like, as far as a regular expression can say it: rg knows no checksums.
FORMS = [
    r"[0-9A-Za-z]+_[0-9A-Za-z]{28,134}",
    r"(?:AKIA|ASIA)[A-Z2-7]{16}",
    r"AIza[0-9A-Za-z_-]{35}",
    r"-----BEGIN\s+PRIVATE KEY-----",
    r"SK[0-9a-f]{32}",
    r"[rs]k_(?:live|test)_[0-9A-Za-z]{24,}",
    r"glpat-[0-9A-Za-z_-]{20,}",
    r"glsa_[0-9A-Za-z]{32}_[0-9a-f]{8}",
    r"dop_v1_[0-9a-f]{64}",
    r"SG\.[0-9A-Za-z_-]{22}\.[0-9A-Za-z_-]{43}",
    r"dp\.(?:st|sa|ct|pt)\.[0-9A-Za-z_.-]{40,}",
    r"(?:hvs|hvb|s)\.[0-9A-Za-z_-]{24,}",
]


def main():
    binary, tree = pathlib.Path(sys.argv[1]).resolve(), usual_tree()
    if len(sys.argv) > 2:
        tree = pathlib.Path(sys.argv[2])
    size = sum(path.stat().st_size for path in tree.rglob("*") if path.is_file() and not path.is_symlink())
    print(f"scan of {size / 1e6:.0f} MB in {tree.name}")
    ours = [binary, "scan", "--ignored", tree]
    others = {
        "rg": ["--text", "--no-ignore", "--hidden", "--count-matches", "--regexp", "|".join(FORMS), tree],
        "gitleaks": ["dir", "--no-banner", "--exit-code", "0", "--log-level", "error", tree],
    }
    for name, arguments in others.items():
        program = shutil.which(name)
        if not program:
            print(f"bench: {name} is not on this machine; it is skipped.", flush=True)
            continue
        compared(name, ours, [program, *arguments])


def usual_tree():
    """The sources of every dependency: there on each machine that has built this."""
    return pathlib.Path.home() / ".cargo/registry/src"


def compared(name, ours, theirs):
    timed(ours), timed(theirs)
    pairs = [(timed(ours), timed(theirs)) for _ in range(ROUNDS)]
    mine, other = (statistics.median(side) for side in zip(*pairs))
    ratio = statistics.median(one / two for one, two in pairs)
    print(f"scan {mine:.2f} s; {name} {other:.2f} s; ratio {ratio:.2f}", flush=True)


def timed(command):
    began = time.monotonic()
    ended = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    # 1: rg has found nothing; 3: scan has found something.
    if ended.returncode not in (0, 1, 3):
        sys.exit(f"{command[0]}: {ended.stderr.decode()[-500:]}")
    return time.monotonic() - began


if __name__ == "__main__":
    main()
