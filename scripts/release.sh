#!/usr/bin/env bash
# Builds what a registry wants into dist/: the zip for this platform, the manifest and the checksums; and what goes on a file
# server or into an OCI registry in place of one (docs/guides/install.md).
#
#   scripts/release.sh          for this machine
#   scripts/release.sh TARGET   for a Rust target
#   scripts/release.sh all      for every platform that this machine can build
#   scripts/release.sh list     names the platforms that registries expect, and what each needs here
#   scripts/release.sh pack BINARY [TARGET]   with a binary that was built elsewhere
#   scripts/release.sh binary [TARGET]        builds the binary alone, and says where it is
#
# On Linux the binary is linked statically: against musl where its target is installed, against glibc
# otherwise. Run on several machines with the same dist/, the checksums cover everything in it. DIST names another directory;
# with GPG_FINGERPRINT the checksums are signed.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh

VERSION=$(version)
export DIST=${DIST:-$PWD/dist}
readonly VERSION DIST NAME=${BINARY}_$VERSION

# What registries expect, the first seven of them above all, and the Rust target of each.
readonly PLATFORMS="\
linux_amd64    x86_64-unknown-linux-musl
linux_arm64    aarch64-unknown-linux-musl
linux_arm      arm-unknown-linux-musleabihf
darwin_amd64   x86_64-apple-darwin
darwin_arm64   aarch64-apple-darwin
windows_amd64  x86_64-pc-windows-gnu
windows_arm64  aarch64-pc-windows-gnullvm
windows_386    i686-pc-windows-gnu
linux_386      i686-unknown-linux-musl
freebsd_amd64  x86_64-unknown-freebsd"

# Whether the Rust library of a target is installed.
has_library() { [ -d "$(rustc --print sysroot)/lib/rustlib/$1" ]; }

# The program that links for a target, if it is not this machine's own; SQLite is compiled by it too.
linker_of() {
  case $1 in
    "$(host)") say cc ;;
    x86_64-unknown-linux-musl)
      if [ "$(uname -m)" = x86_64 ]; then say musl-gcc; else say x86_64-linux-musl-gcc; fi
      ;;
    aarch64-unknown-linux-musl)
      if [ "$(uname -m)" = aarch64 ]; then say musl-gcc; else say aarch64-linux-musl-gcc; fi
      ;;
    arm-unknown-linux-musleabihf) say arm-linux-musleabihf-gcc ;;
    i686-unknown-linux-musl) say i686-linux-musl-gcc ;;
    x86_64-pc-windows-gnu) say x86_64-w64-mingw32-gcc ;;
    i686-pc-windows-gnu) say i686-w64-mingw32-gcc ;;
    aarch64-pc-windows-gnullvm) say aarch64-w64-mingw32-clang ;;
    x86_64-unknown-freebsd) say x86_64-unknown-freebsd14-clang ;;
    *-apple-darwin) if [ "$(uname)" = Darwin ]; then say cc; else say "a Mac"; fi ;;
  esac
}

# What this machine lacks for a target; empty if it can build it.
lacks() {
  local linker
  linker=$(linker_of "$1")
  if ! command -v "$linker" >/dev/null; then
    say "needs $linker"
  elif ! has_library "$1"; then
    say "needs: rustup target add $1"
  fi
}

list() {
  local name target state
  say "Platforms that registries expect:"
  while read -r name target; do
    state=$(lacks "$target")
    # Its own platform every machine can build, if not against musl.
    if [ "$name" = "$(platform "$(host)")" ]; then state="" target=$(choose_target); fi
    if [ -e "$DIST/${NAME}_$name.zip" ]; then
      state="built"
    elif [ -z "$state" ]; then
      state="can be built here: scripts/release.sh $target"
    fi
    printf '  %-14s %-30s %s\n' "$name" "$target" "$state"
  done <<<"$PLATFORMS"
}

# The target to build for, if none is asked for.
choose_target() {
  local host musl
  host=$(host)
  musl=${host/-gnu/-musl}
  if has_library "$musl" && command -v musl-gcc >/dev/null; then
    printf '%s\n' "$musl"
  else
    printf '%s\n' "$host"
  fi
}

# Builds for target $1 and says where the binary is. Paths of the machine that builds have no place in a release, so that the same
# sources give the same bytes anywhere: of several that fit, the last one counts. Between the words is what no path holds.
build() {
  local target=$1 flags suffix=
  case $target in *-windows-*) suffix=.exe ;; esac
  flags=${RUSTFLAGS:-}
  flags=${flags// /$'\x1f'}
  case $target in *-linux-*) flags+=$'\x1f-Ctarget-feature=+crt-static' ;; esac
  flags+=$'\x1f'--remap-path-prefix=$PWD=.
  flags+=$'\x1f'--remap-path-prefix=$(target_directory)=target
  flags+=$'\x1f'--remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}=cargo
  CARGO_ENCODED_RUSTFLAGS=${flags#$'\x1f'} cargo build --locked --release --bin "$BINARY" --target "$target" >&2
  say "$(target_directory)/$target/release/$BINARY$suffix"
}

# Binary $1 for target $2. The same input gives the same zip: one fixed time, no extra fields, files in order.
pack() {
  local binary=$1 target=$2 stage zip suffix=
  case $target in *-windows-*) suffix=.exe ;; esac
  stage=$(mktemp -d)
  cp "$binary" "$stage/${BINARY}_v$VERSION$suffix"
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
  rm -rf "$stage"
}

release() {
  local binary
  binary=$(build "$1")
  pack "$binary" "$1"
}

# What can be said of everything in dist/.
complete() {
  scripts/sbom.sh
  scripts/checksums.sh
  scripts/mirrors.py "$VERSION" "$DIST"
}

case ${1:-} in
  list)
    list
    exit
    ;;
  binary)
    scripts/setup.sh build >&2
    build "${2:-$(choose_target)}"
    exit
    ;;
  pack) ;;
  *)
    scripts/setup.sh build
    scripts/setup.sh release
    ;;
esac
command -v zip >/dev/null || fail "zip is missing. Debian, Ubuntu: sudo apt-get install zip"
command -v python3 >/dev/null || fail "python3 is missing; it writes the mirrors. Debian, Ubuntu: sudo apt-get install python3"
case ${1:-} in
  pack)
    pack "${2:?a binary to pack}" "${3:-$(host)}"
    complete
    exit
    ;;
  all)
    release "$(choose_target)"
    while read -r name target; do
      if [ "$name" != "$(platform "$(host)")" ] && [ -z "$(lacks "$target")" ]; then release "$target"; fi
    done <<<"$PLATFORMS"
    ;;
  *) release "${1:-$(choose_target)}" ;;
esac
complete
list
