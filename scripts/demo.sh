#!/usr/bin/env bash
# Runs examples/quickstart with the real terraform or tofu: create, stage, promote, revoke, destroy.
# Everything that it writes is in .demo/. Fails if the key does not live as it should.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh

readonly DEMO=$PWD/.demo
readonly PATIENCE=60 # seconds until a step that does not come counts as missing

prepare() {
  rm -rf "$DEMO"
  mkdir -p "$DEMO/work"
  install_into_mirror "$(target_directory)/debug/$BINARY" "$DEMO/mirror"
  cp examples/quickstart/*.tf "$DEMO/work/"
  cat > "$DEMO/cli.tfrc" <<RC
disable_checkpoint = true
provider_installation {
  filesystem_mirror { path = "$DEMO/mirror" }
}
RC
  export TF_CLI_CONFIG_FILE=$DEMO/cli.tfrc TF_IN_AUTOMATION=1 TF_INPUT=0
  unset TF_DATA_DIR TF_WORKSPACE TF_CLI_ARGS APIKEY_CLOCK
  cd "$DEMO/work"
}

# Runs the CLI quietly; shows what it said if it fails.
quietly() {
  "$CLI" "$@" -no-color > "$DEMO/log" 2>&1 || { cat "$DEMO/log"; fail "The demo failed at: $(basename "$CLI") $*"; }
}

# Sets PLAN to what the next plan says, and returns 0 if it wants to change something.
plan() {
  local outcome=0
  "$CLI" plan -detailed-exitcode -out=next.tfplan -no-color > "$DEMO/plan" 2>&1 || outcome=$?
  case $outcome in
    0) PLAN=$(grep -o '^No changes\.' "$DEMO/plan") && return 1 ;;
    2) PLAN=$(warning) ;;
    *) cat "$DEMO/plan" && fail "The demo failed at: plan" ;;
  esac
}

# The sentence of a plan's warning as one line, without the breaks that the CLI puts in.
warning() { awk 'BEGIN { RS = "" } /^payments: / { gsub("\n", " "); print; exit }' "$DEMO/plan"; }

wait_for_a_plan() {
  local deadline=$((SECONDS + PATIENCE))
  until plan; do
    [ "$SECONDS" -lt "$deadline" ] || fail "No step became due within $PATIENCE seconds."
    sleep 0.5
  done
}

# One line: what the state says of the two slots.
slots() {
  local slot expression=
  for slot in primary secondary; do
    expression+="try(format(\"%-8s %s\", apikey_managed.payments.$slot.role,"
    expression+=" substr(apikey_managed.payments.$slot.fingerprint, 7, 12)), \"-\"), "
  done
  evaluate "join(\"|\", [$expression])"
}

evaluate() { printf '%s\n' "$1" | "$CLI" console | tr -d '"'; }

TIMELINE=
row() { printf '  %-9s %-9s %-24s %s\n' "$@"; }

# Shows how things stand after a step. $1 is its name.
show() {
  local primary secondary
  IFS='|' read -r primary secondary <<< "$(slots)"
  TIMELINE+=$(row "$(date +%H:%M:%S)" "$1" "$primary" "$secondary")$'\n'
  row time step primary secondary
  say "$TIMELINE"
  say "  delivered to secrets/payments.env:"
  # Enough of a secret to tell two apart.
  sed -E 's/^/    /; s/=(.{9}).*(.{4})$/=\1…\2/' secrets/payments.env
}

# Applies the plan that waits. $1 is the step that it is expected to take.
step() {
  say "" "── $1 ──"
  quietly apply next.tfplan
  TAKEN=$(evaluate apikey_managed.payments.last_action)
  # On a very slow machine the next stage is due by the time of the revocation, and is taken with it.
  case $TAKEN in
    "$1" | "$1+stage") ;;
    *) fail "The apply took the step \"$TAKEN\" where \"$1\" was expected." ;;
  esac
  show "$TAKEN"
  plan || true
  say "  the next plan says: $PLAN"
}

# The lines of the delivered file that hold a key.
delivered() { grep -cE '^API_KEY_(PRIMARY|SECONDARY)=.' secrets/payments.env || true; }

# After the last step there are $1 keys, and one more if it staged the next as well.
expect_keys() {
  local expected=$1
  case $TAKEN in *+stage) expected=$((expected + 1)) ;; esac
  [ "$(delivered)" = "$expected" ] || fail "The delivered file holds $(delivered) keys where $expected were expected."
}

main() {
  prepare
  say "Using $("$CLI" version | head -n 1). The next key is staged 10 s, promoted 20 s and the old one revoked 23 s after the first apply."
  quietly init
  plan || fail "There was nothing to create."
  step create && expect_keys 1
  for expected in "stage 2" "promote 2" "revoke 1"; do
    say "  … until a plan proposes a step"
    wait_for_a_plan
    say "  plan: $PLAN"
    step "${expected% *}" && expect_keys "${expected#* }"
  done
  quietly destroy -auto-approve
  [ ! -e secrets/payments.env ] || fail "The delivered file is still there after the destroy."
  say "" "── destroy ──" "  Both keys are gone, and so is secrets/payments.env." ""
  say "That was the whole life of a key. The configuration is examples/quickstart/main.tf; everything else is in .demo/."
}

scripts/setup.sh demo
build_provider
CLI=$(cli)
main
