#!/usr/bin/env bash
# Brings a real Kubernetes API server with its etcd and prints the directory that holds both. Where it cannot, it says why and
# fails. Built with Go out of tests/peers/kubernetes, into a cache outside of the checkout: that takes some ten minutes, once,
# and APIKEY_BUILD_KUBERNETES=no does without.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh

readonly MODULE=tests/peers/kubernetes

version_in_module() { sed -n "s#^\t$1 v\([0-9.]*\).*#\1#p" "$MODULE/go.mod" | head -n 1; }

build() {
  local package=$1 place=$2
  say "Building $(basename "$place") with Go; this takes some minutes, once." >&2
  (
    cd "$MODULE"
    GOFLAGS="-mod=readonly -buildvcs=false" go build -trimpath -ldflags "-s -w" -o "$place.new" "$package"
  ) >&2 || fail "$(basename "$place") cannot be built here."
  mv "$place.new" "$place"
}

KUBERNETES=$(version_in_module k8s.io/kubernetes)
PLACE=${XDG_CACHE_HOME:-$HOME/.cache}/$BINARY/kubernetes-$KUBERNETES
if [ ! -x "$PLACE/kube-apiserver" ] || [ ! -x "$PLACE/etcd" ]; then
  command -v go >/dev/null || fail \
    "Go is missing, so that the API server of Kubernetes $KUBERNETES cannot be built. With Go $(sed -n 's/^go //p' "$MODULE/go.mod") or later: https://go.dev/dl"
  [ "${APIKEY_BUILD_KUBERNETES:-yes}" != no ] || fail \
    "The API server of Kubernetes $KUBERNETES was not built here before, and APIKEY_BUILD_KUBERNETES=no asks for none."
  mkdir -p "$PLACE"
  build go.etcd.io/etcd/server/v3 "$PLACE/etcd"
  build k8s.io/kubernetes/cmd/kube-apiserver "$PLACE/kube-apiserver"
fi
say "$PLACE"
