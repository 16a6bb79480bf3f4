#!/usr/bin/env bash
# Writes the bill of materials of a release into dist/, in CycloneDX's JSON. The same sources give the same bytes: its time is
# fixed, and the directory that it was made in is not told.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh

PATH=$PATH:$(target_directory)/cargo/bin
DIST=${DIST:-dist}
BILL=${BINARY}_$(version)_sbom.cdx.json
if ! command -v cargo-cyclonedx >/dev/null; then
  rm -f "$DIST/$BILL"
  say "No bill of materials: cargo-cyclonedx is missing. scripts/setup.sh release installs it."
  exit
fi
# It writes into every package of the workspace.
trap 'rm -f bill.json */bill.json' EXIT
SOURCE_DATE_EPOCH=946684800 cargo cyclonedx --quiet --format json --spec-version 1.5 --target all \
  --no-build-deps --override-filename bill
sed "s#path+file://$PWD#path+file:///$BINARY#g" bill.json >"$DIST/$BILL"
