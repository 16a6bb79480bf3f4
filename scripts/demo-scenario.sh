#!/usr/bin/env bash
# Runs examples/scenarios/$1 with the real terraform or tofu and prints what happens: emergency, offboarding or
# environments. Everything that it writes is in .demo/. Fails if the keys do not live as they should.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh

readonly SCENARIO=${1:-}
readonly ROOT=$PWD
readonly DEMO=$PWD/.demo
readonly PATIENCE=90 # seconds until something that does not come counts as missing
SERVICE=
PLANS=0

prepare() {
  rm -rf "$DEMO"
  mkdir -p "$DEMO/work"
  install_into_mirror "$(target_directory)/debug/$BINARY" "$DEMO/mirror"
  cp "examples/scenarios/$SCENARIO"/*.tf "$DEMO/work/"
  cat > "$DEMO/cli.tfrc" <<RC
disable_checkpoint = true
provider_installation {
  filesystem_mirror { path = "$DEMO/mirror" }
}
RC
  export TF_CLI_CONFIG_FILE=$DEMO/cli.tfrc TF_IN_AUTOMATION=1 TF_INPUT=0
  unset TF_DATA_DIR TF_WORKSPACE TF_CLI_ARGS APIKEY_CLOCK APIKEY_LEDGER_URL
  PROVIDER=$(target_directory)/debug/$BINARY
  cd "$DEMO/work"
  quietly init
}

# Runs the CLI quietly; shows what it said if it fails.
quietly() {
  "$CLI" "$@" -no-color > "$DEMO/log" 2>&1 || { cat "$DEMO/log"; fail "The demo failed at: $(basename "$CLI") $*"; }
}

# The warnings of the last plan, each with its summary where the text does not say it, in lines that fit a terminal.
warnings() {
  awk 'BEGIN { RS = "" }
    /^Warning: / { summary = $0; sub(/^Warning: /, "", summary); told = 1; next }
    told && /^  (with|on) / { next }
    told { text = $0; name = summary; sub(/:.*/, "", name)
      if (index(text, name ":") != 1) text = summary ". " text
      gsub(/\n/, " ", text); print text; told = 0 }' "$DEMO/plan" |
    fold -s -w 108 | sed -e 's/^/    /' -e 's/ *$//'
}

# Plans with these arguments, shows what the plan warns of, and applies it.
apply() {
  "$CLI" plan -out=next.tfplan -no-color "$@" > "$DEMO/plan" 2>&1 || { cat "$DEMO/plan"; fail "The demo failed at: plan $*"; }
  if grep -q '^Warning: ' "$DEMO/plan"; then say "  plan:" "$(warnings)"; fi
  quietly apply next.tfplan
  PLANS=$((PLANS + 1))
}

status() { "$CLI" output -no-color status | sed -e '/^[][{}]$/d' -e 's/^ *//' -e 's/,$//' -e 's/^/    /' -e 's/\\"/"/g'; }

# Enough of each delivered secret to tell two apart.
delivered() {
  local file
  for file in secrets/*.env; do
    sed -E "/GENERATION/d; s#^#    $file  #; s/=(.{9}).*(.{4})\$/=\\1…\\2/" "$file"
  done
}

primary() { sed -n 's/^API_KEY_PRIMARY=//p' "secrets/$1.env"; }

show() { say "  delivered:" "$(delivered)" "  status:" "$(status)"; }

# Starts a service that lets in whoever shows a delivered key.
start_service() {
  command -v python3 > /dev/null || fail "python3 is missing: this demo starts a small service with it, which lets keys in or refuses them."
  python3 "$ROOT/scripts/demo_service.py" secrets/payments.env "$DEMO/port" &
  SERVICE=$!
  local deadline=$((SECONDS + PATIENCE))
  until [ -s "$DEMO/port" ]; do
    [ "$SECONDS" -lt "$deadline" ] || fail "The service did not start within $PATIENCE seconds."
    sleep 0.1
  done
}

# Shows the key $2, which is called $1, to the service, and prints its answer. $3 is the code that it must have.
try() {
  local answer
  exec 3<> "/dev/tcp/127.0.0.1/$(cat "$DEMO/port")"
  printf 'GET / HTTP/1.0\r\nAuthorization: Bearer %s\r\n\r\n' "$2" >&3
  read -r _ answer _ <&3
  exec 3>&-
  say "  the service answers the $1 key with $answer"
  [ "$answer" = "$3" ] || fail "It should have been $3."
}

emergency() {
  local first second
  say "── a key like any other ──"
  apply
  start_service
  first=$(primary payments)
  show
  try first "$first" 200
  say "" "── 02:00: it was stolen. terraform apply -var incident=INC-42 ──"
  apply -var incident=INC-42
  second=$(primary payments)
  show
  try stolen "$first" 401
  try new "$second" 200
  if grep -rqF -f <(printf '%s\n' "$first") .; then fail "The stolen key still stands in $DEMO/work."; fi
  say "" "── the same again does nothing, and neither does taking it out ──"
  apply -var incident=INC-42
  apply
  try new "$second" 200
  say "" "── another emergency: order = \"revoke_first\" ──"
  apply -var incident=INC-43 -var order=revoke_first
  show
  try second "$second" 401
  try newest "$(primary payments)" 200
  say "" "── what is remembered: terraform-provider-apikey audit verify ──" "$("$PROVIDER" audit verify | sed 's/^/  /')"
}

offboarding() {
  local first mail deadline left=(-var 'offboarded_owners=["bob"]')
  say "── bob owns payments, ann owns mail ──"
  apply
  show
  first=$(primary payments)
  mail=$(primary mail)
  say "" "── bob leaves: -var 'offboarded_owners=[\"bob\"]' ──"
  deadline=$((SECONDS + PATIENCE))
  until [ "$(primary payments)" != "$first" ] && ! grep -q SECONDARY=. secrets/payments.env; do
    [ "$SECONDS" -lt "$deadline" ] || fail "The key of bob was not rotated within $PATIENCE seconds."
    apply "${left[@]}"
    sleep 2
  done
  show
  [ "$(primary mail)" = "$mail" ] || fail "The key of ann was rotated as well."
  say "  The key of bob is revoked; nothing happened to the key of ann." "" "── ann takes it over ──"
  apply "${left[@]}" -var 'owners={ payments = "ann", mail = "ann" }'
  say "  status:" "$(status)"
}

environments() {
  local deadline now before=""
  say "── three environments, one group ──"
  apply
  show
  say "" "── the next rotation ──"
  deadline=$((SECONDS + PATIENCE))
  until status | grep -q 'prod: generation 2'; do
    [ "$SECONDS" -lt "$deadline" ] || fail "prod was not promoted within $PATIENCE seconds."
    apply > "$DEMO/said"
    now=$(status)
    if status | grep -q 'prod: generation 2' && ! status | grep -q 'staging: generation 2'; then
      fail "prod was promoted before staging."
    fi
    if [ "$now" != "$before" ]; then
      before=$now
      say "  $(date +%H:%M:%S)" "$(fold -s -w 108 <<< "$now" | sed -E -e 's/^([^ ])/      \1/' -e 's/ *$//')"
    fi
    sleep 1
  done
  say "" "  dev went first, staging when dev had soaked, and prod last."
}

finish() {
  quietly destroy -auto-approve
  if compgen -G 'secrets/*.env' > /dev/null; then fail "A delivered file is still there after the destroy."; fi
  say "" "── destroy ──" "  Every key is revoked, and the delivered files are gone." "" \
    "That was examples/scenarios/$SCENARIO/main.tf, planned and applied $PLANS times; what is left of it is in .demo/." \
    "The guide is docs/guides/$SCENARIO.md."
}

case $SCENARIO in
  emergency | offboarding | environments) ;;
  *) fail "usage: scripts/demo-scenario.sh emergency|offboarding|environments" ;;
esac
trap '[ -z "$SERVICE" ] || kill "$SERVICE" 2> /dev/null || true' EXIT
scripts/setup.sh demo
build_provider
CLI=$(cli)
prepare
say "" "Using $("$CLI" version | head -n 1)." ""
"$SCENARIO"
finish
