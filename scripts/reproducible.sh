#!/usr/bin/env bash
# Builds the binary of a release twice, in two directories that have nothing in common, and compares the bytes. What git tracks is
# what is built. It takes as long as two builds of everything, so that only APIKEY_CI=all does it in CI.
#
#   scripts/reproducible.sh [TARGET]
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh

place=$(mktemp -d)
readonly place target=${1:-}
trap 'rm -rf "$place"' EXIT

# A copy in directory $1, built into directory $2.
built() {
  mkdir -p "$1"
  git ls-files -z | tar --create --null --files-from=- | tar --extract --directory="$1"
  CARGO_TARGET_DIR=$2 "$1/scripts/release.sh" binary ${target:+"$target"}
}

one=$(built "$place/one" "$place/one/target")
other=$(built "$place/other/of a longer name" "$place/built")
if ! cmp "$one" "$other"; then
  fail "The same sources gave two binaries. Something of the directory, the machine or the time is in them: a path that" \
    "scripts/release.sh does not remap, or an order that changes. diffoscope shows what differs."
fi
if grep --text --quiet --fixed-strings "$place" "$one"; then
  fail "The directory in which it was built is in the binary: $(grep --text --only-matching "${place}[[:print:]]*" "$one" | head -n 1)"
fi
say "The same sources gave the same binary twice."
