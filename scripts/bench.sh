#!/usr/bin/env bash
# What the provider costs: the plan of many keys beside terraform_data, creation with and without a ledger, requests to AWS, the
# life of 200 keys beside hashicorp/aws, an emergency of a hundred keys, the scan of a large
# tree, a ledger with a million keys. Each is measured beside something else in the same run.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh

scripts/setup.sh bench
cargo build --locked --release
use_tools
PATH=$PATH:$(target_directory)/debian/usr/bin
binary=$(target_directory)/release/$BINARY
scripts/bench.py "$binary"
scripts/bench.py "$binary" --ledger
scripts/bench_requests.py "$binary"
scripts/bench_hashicorp.py "$binary"
scripts/bench_emergency.py "$binary"
scripts/bench_scan.py "$binary"
cargo bench --locked --bench ledger
