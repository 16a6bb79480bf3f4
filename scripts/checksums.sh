#!/usr/bin/env bash
# Puts the manifest beside the zips of dist/ and writes the checksums of both: the registry asks for the
# manifest among them.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh

sha256() { if command -v sha256sum >/dev/null; then sha256sum "$@"; else shasum -a 256 "$@"; fi; }

NAME=${BINARY}_$(version)
cp terraform-registry-manifest.json "dist/${NAME}_manifest.json"
cd dist
sha256 "${NAME}"_*.zip "${NAME}_manifest.json" > "${NAME}_SHA256SUMS"
say "In dist/:" "$(cat "${NAME}_SHA256SUMS")" \
  "A registry also wants ${NAME}_SHA256SUMS.sig, a detached binary signature:" \
  "  gpg --detach-sign dist/${NAME}_SHA256SUMS"
