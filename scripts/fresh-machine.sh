#!/usr/bin/env bash
# The commands of the README on a machine that has nothing: Debian 12 in a folder, made by debootstrap, with make, the Rust of
# this machine and a clone of what is committed. So a missing step of the set-up shows.
#
#   scripts/fresh-machine.sh                   make demo, then make test
#   scripts/fresh-machine.sh make demo         another command
#
# Needs root, debootstrap, and room for 10 GB in TMPDIR or /var/tmp. Everything that it mounts is gone when it ends.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh

# What a machine needs to reach the network where its way there is particular.
readonly FROM_OUTSIDE="http_proxy https_proxy no_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY SSL_CERT_FILE PIP_CERT CARGO_HTTP_CAINFO"

[ "$(id -u)" = 0 ] || fail "scripts/fresh-machine.sh needs root: a root file system is made and changed into."
command -v debootstrap >/dev/null || fail "debootstrap is missing. Debian, Ubuntu: sudo apt-get install debootstrap"
# In a space of its own for mounts, so that none outlives this script.
if [ -z "${FRESH_MACHINE:-}" ]; then
  FRESH_MACHINE=$(mktemp -d -p "${TMPDIR:-/var/tmp}")
  export FRESH_MACHINE
  outcome=0
  unshare --mount --propagation private "$0" "$@" || outcome=$?
  rm -rf --one-file-system "$FRESH_MACHINE"
  exit "$outcome"
fi

make_root() {
  say "== Debian 12 in $FRESH_MACHINE =="
  debootstrap --variant=minbase --include=make,ca-certificates bookworm "$FRESH_MACHINE" >"$FRESH_MACHINE.log" ||
    fail "debootstrap failed:" "$(tail -n 20 "$FRESH_MACHINE.log")"
  rm -f "$FRESH_MACHINE.log"
  chmod 755 "$FRESH_MACHINE"
  cp /etc/resolv.conf "$FRESH_MACHINE/etc/"
  # Whom this machine trusts, where it has more than the distribution.
  cp /etc/ssl/certs/ca-certificates.crt "$FRESH_MACHINE/etc/ssl/certs/"
  mount --rbind /dev "$FRESH_MACHINE/dev"
  mount -t proc proc "$FRESH_MACHINE/proc"
}

hand_in_rust() {
  mkdir -p "$FRESH_MACHINE/opt/rust"
  mount --bind -o ro "$(rustc --print sysroot)" "$FRESH_MACHINE/opt/rust"
}

hand_in_checkout() {
  git clone --quiet --no-hardlinks "$PWD" "$FRESH_MACHINE/root/checkout"
}

# Runs a command there with nothing of this environment but the way to the network.
inside() {
  local name passed=()
  for name in $FROM_OUTSIDE; do
    if [ -n "${!name:-}" ]; then passed+=("$name=${!name}"); fi
  done
  say "" "== $* =="
  env -i "${passed[@]}" HOME=/root PATH=/opt/rust/bin:/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive \
    chroot "$FRESH_MACHINE" sh -c 'cd /root/checkout && exec "$@"' sh "$@"
}

make_root
hand_in_rust
hand_in_checkout
if [ $# = 0 ]; then
  inside make demo
  inside make test
else
  inside "$@"
fi
say "" "The fresh machine did what it was asked to."
