#!/usr/bin/env bash
# Builds the provider and puts it where `terraform init` and `tofu init` look before any registry:
# the user's implied local mirror, which is the same directory for both.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh

readonly MIRROR=$HOME/.terraform.d/plugins

scripts/setup.sh build
cargo build --locked --release
install_into_mirror "$(target_directory)/release/$BINARY" "$MIRROR"
say "Installed version $(version) into $MIRROR." \
  "A configuration finds it with: source = \"$NAMESPACE/apikey\", then terraform init or tofu init."
if [ -n "${TF_CLI_CONFIG_FILE:-}" ] || [ -e "$HOME/.terraformrc" ] || [ -e "$HOME/.tofurc" ]; then
  say "Note: you have a CLI configuration file. If it has a provider_installation block, only what that block names is searched."
fi
