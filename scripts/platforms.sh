#!/usr/bin/env bash
# Type-checks the provider, its tests and its benchmarks for the platforms that this machine is not. A platform whose Rust
# library or C compiler cannot be had is skipped, and named.
#
#   scripts/platforms.sh [TARGET…]
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh

readonly ZIGBUILD="cargo-zigbuild==0.24.0 ziglang==0.17.0"

# Some of what we depend on is written in C, which is compiled for a check as well.
has_c_compiler() {
  case $1 in
    x86_64-pc-windows-gnu)
      command -v x86_64-w64-mingw32-gcc >/dev/null || scripts/setup.sh mingw
      ;;
    *-apple-darwin)
      [ "$(uname)" = Darwin ] || has_zig
      ;;
  esac
}

# Zig compiles C for macOS too; for a program it would also need the libraries of macOS.
has_zig() {
  scripts/setup.sh python
  # shellcheck disable=SC2086 # They are two words.
  "$(venv)/bin/python" -m pip install --quiet --disable-pip-version-check $ZIGBUILD
}

check() {
  local target=$1 tool=(cargo)
  if [ "$(host)" = "$target" ]; then return; fi
  say "" "== $target =="
  if ! rustup target add "$target" || ! has_c_compiler "$target"; then
    SKIPPED+=("$target")
    return
  fi
  case $target in *-apple-darwin) if [ "$(uname)" != Darwin ]; then tool=(env "PATH=$(venv)/bin:$PATH" cargo-zigbuild); fi ;; esac
  "${tool[@]}" check --locked --all-targets --target "$target"
}

SKIPPED=()
if [ $# = 0 ]; then set -- x86_64-pc-windows-gnu aarch64-apple-darwin; fi
for target in "$@"; do check "$target"; done
for target in ${SKIPPED[@]+"${SKIPPED[@]}"}; do say "Skipped, for its compilers cannot be had here: $target"; done
