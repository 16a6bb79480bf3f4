# What the scripts share. Sourced with the root of the checkout as the working directory.
# shellcheck shell=bash

readonly NAMESPACE=apikey-dev
readonly BINARY=terraform-provider-apikey

# Each argument is a line.
say() { printf '%s\n' "$@"; }
fail() {
  printf '%s\n' "$@" >&2
  exit 1
}

# The version of the provider.
version() { sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1; }

# The Rust target triple of this machine.
host() { rustc -vV | sed -n 's/^host: //p'; }

# The Rust target triple $1 in Terraform's words, such as linux_amd64.
platform() {
  local triple=$1 os arch
  case $triple in
    *-linux-*) os=linux ;;
    *-apple-darwin) os=darwin ;;
    *-windows-*) os=windows ;;
    *-freebsd*) os=freebsd ;;
    *) fail "No Terraform platform is known for the Rust target $triple." ;;
  esac
  case $triple in
    x86_64-*) arch=amd64 ;;
    aarch64-*) arch=arm64 ;;
    i[3-6]86-*) arch=386 ;;
    arm*) arch=arm ;;
    *) fail "No Terraform platform is known for the Rust target $triple." ;;
  esac
  printf '%s_%s\n' "$os" "$arch"
}

# Where cargo puts what it builds.
target_directory() {
  cargo metadata --no-deps --format-version 1 --offline | sed -n 's/.*"target_directory":"\([^"]*\)".*/\1/p'
}

# The command of Terraform or OpenTofu: what TF_ACC_TERRAFORM_PATH says, which the tests heed as well, else the
# first that is installed.
cli() {
  if [ -n "${TF_ACC_TERRAFORM_PATH:-}" ]; then
    command -v "$TF_ACC_TERRAFORM_PATH"
  else
    command -v terraform || command -v tofu
  fi
}

# Puts the binary $1 into the filesystem mirror $2, for Terraform and for OpenTofu.
install_into_mirror() {
  local binary=$1 mirror=$2 registry place
  for registry in registry.terraform.io registry.opentofu.org; do
    place=$mirror/$registry/$NAMESPACE/apikey/$(version)/$(platform "$(host)")
    mkdir -p "$place"
    # A running provider keeps the old file; writing over it would fail.
    cp "$binary" "$place/.new"
    mv -f "$place/.new" "$place/${BINARY}_v$(version)"
  done
}
