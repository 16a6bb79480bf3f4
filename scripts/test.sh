#!/usr/bin/env bash
# Every test: unit, property and acceptance with the real terraform or tofu. Then, with every other version of these that can
# be had, what it can do. APIKEY_MATRIX=all runs all that depends on the version with each; APIKEY_MATRIX=no leaves them out.
# APIKEY_SPECS names a folder with the specifications of vendors, which the fakes are then held against.
# Arguments go to cargo test, such as the name of one test, and leave them out too.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh

scripts/setup.sh test
use_tools
# A configuration of the person who tests must not reach into the tests.
unset TF_CLI_CONFIG_FILE TF_CLI_ARGS TF_DATA_DIR TF_WORKSPACE APIKEY_CLOCK APIKEY_LEDGER_URL
# A real API server of Kubernetes, where it is there or can be built. What needs it says that it is skipped.
APIKEY_KUBERNETES=${APIKEY_KUBERNETES:-$(scripts/get-kubernetes.sh || true)}
export APIKEY_KUBERNETES
MATRIX=${APIKEY_MATRIX:-features}
if [ $# != 0 ]; then MATRIX=no; fi
if [ "$MATRIX" != no ]; then
  # What the command line in use can do is found out on the way.
  APIKEY_MATRIX_RECORD=$(scripts/matrix.sh record)
  export APIKEY_MATRIX_RECORD
fi
run_tests "$@"
case $MATRIX in
  no) ;;
  all) scripts/matrix.sh all ;;
  *) scripts/matrix.sh ;;
esac
