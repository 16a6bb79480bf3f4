#!/usr/bin/env bash
# Gives an organization of GitHub the custom patterns that it reads, or brings those of the same names up to date:
#
#   terraform-provider-apikey rules github acme_prod acme_test | GITHUB_TOKEN=… examples/scanning/github.sh acme
#
# GitHub publishes a pattern only when a person has looked at its dry run, in the settings of the organization.
set -euo pipefail

readonly organization=$1
readonly api=${GITHUB_API_URL:-https://api.github.com}/orgs/$organization/secret-scanning/custom-patterns

# The token goes in by a file descriptor: arguments can be read by everybody on the machine.
call() {
  curl --silent --show-error --fail-with-body --header @<(printf 'Authorization: Bearer %s\n' "$GITHUB_TOKEN") \
    --header 'Accept: application/vnd.github+json' --header 'Content-Type: application/json' "$@"
}

known=$(call "$api?per_page=100")

jq --compact-output '.patterns[]' | while read -r pattern; do
  name=$(jq --raw-output .name <<<"$pattern")
  older=$(jq --arg name "$name" '[.[] | select(.name == $name)][0] // empty' <<<"$known")
  if [ -z "$older" ]; then
    jq '{ patterns: [.] }' <<<"$pattern" | call --request POST --data @- "$api" >/dev/null
    echo "Created: $name. Publish it in the settings of $organization once its dry run finds what it should."
  else
    jq --argjson older "$older" 'del(.name) + { custom_pattern_version: $older.custom_pattern_version }' <<<"$pattern" |
      call --request PATCH --data @- "$api/$(jq .id <<<"$older")" >/dev/null
    echo "Brought up to date: $name."
  fi
done
