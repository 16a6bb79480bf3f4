#!/usr/bin/env bash
# Builds the provider and puts it where `terraform init` and `tofu init` look before any registry:
# the user's implied local mirror, which is the same directory for both. By hand it is apikey, in BINDIR.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh

readonly MIRROR=$HOME/.terraform.d/plugins
readonly LINK=${BINDIR:-$HOME/.local/bin}/apikey
readonly INSTALLED=$MIRROR/registry.terraform.io/$NAMESPACE/apikey

# Something else of that name stays.
link_to_it() {
  if [ -e "$LINK" ] || [ -L "$LINK" ]; then
    case $(readlink "$LINK" || true) in
      "$INSTALLED"/*) ;;
      *)
        say "$LINK is something else, and stays as it is."
        return
        ;;
    esac
  fi
  mkdir -p "$(dirname "$LINK")"
  ln -sfn "$INSTALLED/$(version)/$(platform "$(host)")/${BINARY}_v$(version)" "$LINK"
  say "By hand it is $LINK: completions and manual pages come from \`apikey completions\` and \`apikey man\`."
}

scripts/setup.sh build
cargo build --locked --release
install_into_mirror "$(target_directory)/release/$BINARY" "$MIRROR"
say "Installed version $(version) into $MIRROR." \
  "A configuration finds it with: source = \"$NAMESPACE/apikey\", then terraform init or tofu init."
link_to_it
if [ -n "${TF_CLI_CONFIG_FILE:-}" ] || [ -e "$HOME/.terraformrc" ] || [ -e "$HOME/.tofurc" ]; then
  say "Note: you have a CLI configuration file. If it has a provider_installation block, only what that block names is searched."
fi
