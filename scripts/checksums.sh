#!/usr/bin/env bash
# Puts the manifest beside the zips of dist/ and writes the checksums of both and of the bill of materials: the registry asks for
# the manifest among them. With GPG_FINGERPRINT they are signed by that key.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh

sha256() { if command -v sha256sum >/dev/null; then sha256sum "$@"; else shasum -a 256 "$@"; fi; }

NAME=${BINARY}_$(version)
DIST=${DIST:-dist}
cp terraform-registry-manifest.json "$DIST/${NAME}_manifest.json"
cd "$DIST"
shopt -s nullglob
sha256 "${NAME}"_*.zip "${NAME}"_manifest.json "${NAME}"_sbom.cdx.json >"${NAME}_SHA256SUMS"
say "In $DIST:" "$(cat "${NAME}_SHA256SUMS")"
# Whatever signed an earlier list does not sign this one.
rm -f "${NAME}_SHA256SUMS.sig"
if [ -n "${GPG_FINGERPRINT:-}" ]; then
  gpg --batch --yes --local-user "$GPG_FINGERPRINT" --output "${NAME}_SHA256SUMS.sig" --detach-sign "${NAME}_SHA256SUMS"
else
  say "Not signed. A registry also wants ${NAME}_SHA256SUMS.sig: set GPG_FINGERPRINT to the key that signs."
fi
