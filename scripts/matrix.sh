#!/usr/bin/env bash
# Runs tests with each version of Terraform and OpenTofu that can be had here.
#
#   scripts/matrix.sh            what each can do (the rows of the table), but for the one in use
#   scripts/matrix.sh features   the same, the one in use too
#   scripts/matrix.sh all        all that depends on the command line: the whole of it or a selection, as MEMBERS says
#   scripts/matrix.sh only WORD  the same with those whose name holds the word, such as "tofu" or "1.15"
#   scripts/matrix.sh table      writes what the last runs found into the README
#   scripts/matrix.sh record     empties and prints the file for what the tests find out of the one in use
#
# A version that cannot be had is skipped, and named at the end.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh

# Product, version, and how much of the suite.
readonly MEMBERS="\
terraform 1.11.4 whole
terraform 1.12.2 selection
terraform 1.13.5 selection
terraform 1.14.9 selection
terraform $NEWEST_TERRAFORM whole
tofu 1.11.14 selection
tofu 1.12.3 selection
tofu 1.12.6 whole"

# What depends on the command line, as names of tests.
readonly FEATURES="matrix:: opentofu::"
readonly SELECTION="matrix:: opentofu:: examples:: protocol::terraform acceptance::ephemeral acceptance::existing
  acceptance::lifecycle acceptance::mocks acceptance::moves acceptance::refresh_only aws_life::import aws_life::life"
readonly WHOLE="matrix:: opentofu:: examples:: protocol::terraform acceptance:: aws_life:: bad_input:: ledger::rights
  ledger::source places:: backups::"

FOUND=$(target_directory)/matrix
readonly FOUND

# A configuration of the person who tests must not reach into the tests.
unset TF_CLI_CONFIG_FILE TF_CLI_ARGS TF_DATA_DIR TF_WORKSPACE APIKEY_CLOCK APIKEY_LEDGER_URL
# Where setup.sh puts moto if there is none.
PATH=$PATH:$(venv)/bin
export PATH

# "Terraform 1.15.5" for: terraform 1.15.5
name_of() {
  case $1 in
    terraform) say "Terraform $2" ;;
    tofu) say "OpenTofu $2" ;;
  esac
}

# Whether the command line in use is this one; `make test` runs everything with it.
is_in_use() { [ "$(version_of "$(cli)")" = "$(name_of "$1" "v$2")" ]; }

# The file for what the tests find out of the one in use; of a version that is no member it is not kept.
record() {
  local product version part
  mkdir -p "$FOUND"
  while read -r product version part; do
    if is_in_use "$product" "$version"; then
      rm -f "$FOUND/$product-$version"
      say "$FOUND/$product-$version"
      return
    fi
  done <<<"$MEMBERS"
  say /dev/null
}

# Runs the part $3 with one member. What its tests find out is in its file.
run_member() {
  local product=$1 version=$2 part=$3 path tests
  case $part in
    features) tests=$FEATURES ;;
    selection) tests=$SELECTION ;;
    whole) tests=$WHOLE ;;
  esac
  path=$(scripts/get-cli.sh "$product" "$version") || return 3
  say "" "== $(name_of "$product" "$version"): $part ==" "$path"
  rm -f "$FOUND/$product-$version"
  # shellcheck disable=SC2086 # They are many words.
  TF_ACC_TERRAFORM_PATH=$path APIKEY_MATRIX_RECORD=$FOUND/$product-$version run_tests --test tests -- $tests
}

run() {
  local which=$1 word=${2:-} product version part outcome skipped=() failed=()
  mkdir -p "$FOUND"
  while read -r product version part; do
    case $which in
      only) [[ "$product $version" == *"$word"* ]] || continue ;;
      others) if is_in_use "$product" "$version"; then continue; fi ;;
    esac
    case $which in others | features) part=features ;; esac
    outcome=0
    run_member "$product" "$version" "$part" </dev/null || outcome=$?
    case $outcome in
      0) ;;
      3) skipped+=("$(name_of "$product" "$version")") ;;
      *) failed+=("$(name_of "$product" "$version")") ;;
    esac
  done <<<"$MEMBERS"
  say ""
  table
  for version in ${skipped[@]+"${skipped[@]}"}; do say "Skipped, for it cannot be had here: $version"; done
  if [ ${#failed[@]} != 0 ]; then fail "Tests failed with: ${failed[*]}"; fi
}

# What was found, as a table: rows that more versions can do come first.
table() {
  local product version part files=() heads="|"
  while read -r product version part; do
    if [ -e "$FOUND/$product-$version" ]; then
      files+=("$FOUND/$product-$version")
      heads+=" $(name_of "$product" "$version") |"
    fi
  done <<<"$MEMBERS"
  if [ ${#files[@]} = 0 ]; then return; fi
  say "| $heads" "|---|$(printf '%*s' "${#files[@]}" '' | sed 's/ /:-:|/g')"
  awk -F '\t' '
    FNR == 1 { files++ }
    { rows[$1] += ($2 == "yes"); cell[$1, files] = $2 }
    END {
      for (row in rows) {
        line = "| " row " |"
        for (i = 1; i <= files; i++) line = line " " ((row, i) in cell ? cell[row, i] : "failed") " |"
        printf "%03d\t%s\n", 999 - rows[row], line
      }
    }' "${files[@]}" | LC_ALL=C sort | cut -f 2-
}

# The README holds the table between two marks.
readme_with_table() {
  table >"$FOUND/table"
  awk -v table="$FOUND/table" '
    /^<!-- \/matrix -->/ { inside = 0 }
    !inside
    /^<!-- matrix/ { inside = 1; while ((getline line < table) > 0) print line }' README.md
}

# Whether every version was there, so that the table is complete.
is_complete() {
  local product version part
  while read -r product version part; do
    [ -e "$FOUND/$product-$version" ] || return 1
  done <<<"$MEMBERS"
}

set -- "${1:-others}" "${2:-}"
case $1 in
  others | features | all)
    run "$1"
    if is_complete && ! diff -u README.md <(readme_with_table); then
      say "The table of the README is not what was found. It is written by: scripts/matrix.sh table"
      [ "$1" != all ] || exit 1
    fi
    ;;
  only) run only "${2:?a word is missing}" ;;
  table)
    is_complete || fail "Not every version was run; scripts/matrix.sh features says why."
    readme_with_table >README.md.new
    mv README.md.new README.md
    ;;
  record) record ;;
  *) fail "usage: scripts/matrix.sh [features|all|only WORD|table|record]" ;;
esac
