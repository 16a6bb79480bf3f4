#!/usr/bin/env bash
# Every test: unit, property and acceptance with the real terraform or tofu.
# Arguments go to cargo test, such as the name of one test.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh

scripts/setup.sh test
# Where setup.sh puts moto if there is none.
PATH=$PATH:$(target_directory)/moto/bin
export PATH
# A configuration of the person who tests must not reach into the tests.
unset TF_CLI_CONFIG_FILE TF_CLI_ARGS TF_DATA_DIR TF_WORKSPACE APIKEY_CLOCK APIKEY_LEDGER_URL
if command -v cargo-nextest >/dev/null; then
  cargo nextest run --locked --no-fail-fast --no-tests=fail "$@"
else
  cargo test --locked "$@"
fi
