#!/usr/bin/env bash
# Gives an organization of GitHub the custom pattern of pattern.tf, or brings the one of this name up to date. Run it where that is
# applied:
#
#   GITHUB_TOKEN=… examples/scanning/github.sh acme "API key of acme"
#
# GitHub publishes a pattern only when a person has looked at its dry run, in the settings of the organization.
set -euo pipefail

readonly organization=$1 name=$2
readonly api=${GITHUB_API_URL:-https://api.github.com}/orgs/$organization/secret-scanning/custom-patterns

# The token goes in by a file descriptor: arguments can be read by everybody on the machine.
call() {
  curl --silent --show-error --fail-with-body --header @<(printf 'Authorization: Bearer %s\n' "$GITHUB_TOKEN") \
    --header 'Accept: application/vnd.github+json' --header 'Content-Type: application/json' "$@"
}

pattern=$(terraform output -json pattern | jq --arg name "$name" '{
  name: $name, pattern: .secret_format, start_delimiter: .before_secret, end_delimiter: .after_secret
}')
known=$(call "$api?per_page=100" | jq --arg name "$name" '[.[] | select(.name == $name)][0] // empty')

if [ -z "$known" ]; then
  jq '{ patterns: [.] }' <<<"$pattern" | call --request POST --data @- "$api" >/dev/null
  echo "Created. Publish it in the settings of $organization once its dry run finds what it should."
else
  id=$(jq .id <<<"$known")
  jq --argjson known "$known" 'del(.name) + { custom_pattern_version: $known.custom_pattern_version }' <<<"$pattern" |
    call --request PATCH --data @- "$api/$id" >/dev/null
  echo "Brought up to date: pattern $id of $organization."
fi
