#!/usr/bin/env bash
# Builds what a registry wants into dist/: the zip for this platform, the manifest and the checksums.
#
#   scripts/release.sh [rust target triple]
#
# On Linux the binary is linked statically: against musl where its target is installed, against glibc
# otherwise. Run once per platform with the same dist/; the checksums then cover everything in it.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh

VERSION=$(version)
readonly VERSION DIST=$PWD/dist NAME=${BINARY}_$VERSION

# The target to build for, if none is asked for.
choose_target() {
  local host musl
  host=$(host)
  musl=${host/-gnu/-musl}
  if [ -d "$(rustc --print sysroot)/lib/rustlib/$musl" ] && command -v musl-gcc >/dev/null; then
    printf '%s\n' "$musl"
  else
    printf '%s\n' "$host"
  fi
}

build() {
  local target=$1 flags=
  case $target in *-linux-*) flags="-C target-feature=+crt-static" ;; esac
  # Paths of the machine that builds have no place in a release.
  flags+=" --remap-path-prefix=$PWD=. --remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}=cargo"
  RUSTFLAGS="${RUSTFLAGS:-} $flags" cargo build --locked --release --bin "$BINARY" --target "$target"
}

# The same input gives the same zip: one fixed time, no extra fields, files in order.
pack() {
  local target=$1 stage zip suffix=
  case $target in *-windows-*) suffix=.exe ;; esac
  stage=$(mktemp -d)
  # shellcheck disable=SC2064 # The directory of now is meant.
  trap "rm -rf '$stage'" EXIT
  cp "$(target_directory)/$target/release/$BINARY$suffix" "$stage/${BINARY}_v$VERSION$suffix"
  cp LICENSE README.md CHANGELOG.md "$stage/"
  chmod 755 "$stage/${BINARY}_v$VERSION$suffix"
  chmod 644 "$stage"/[A-Z]*
  mkdir -p "$DIST"
  zip=$DIST/${NAME}_$(platform "$target").zip
  rm -f "$zip"
  (
    cd "$stage"
    TZ=UTC touch -t 200001010000 -- *
    TZ=UTC zip -X -q -9 "$zip" CHANGELOG.md LICENSE README.md "${BINARY}_v$VERSION$suffix"
  )
}

scripts/setup.sh build
command -v zip >/dev/null || fail "zip is missing. Debian, Ubuntu: sudo apt-get install zip"
TARGET=${1:-$(choose_target)}
build "$TARGET"
pack "$TARGET"
scripts/checksums.sh
