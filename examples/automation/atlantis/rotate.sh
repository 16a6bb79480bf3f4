#!/usr/bin/env bash
# Has Atlantis apply what is due. It has no schedule of its own: let any scheduler start this every day.
#
# Needs ATLANTIS_URL, ATLANTIS_TOKEN (the api-secret of the server), REPOSITORY such as acme/keys, curl and jq; REF, TYPE and PROJECT
# where they are others than main, Github and apikeys. Ends with 0 if what was due is done, and with 1 otherwise. This API of Atlantis
# is an alpha version: read its release notes.
set -euo pipefail
# A call that fails in $(…) ends the script as well.
shopt -s inherit_errexit

: "${ATLANTIS_URL:?}" "${ATLANTIS_TOKEN:?}" "${REPOSITORY:?}"

# The command $1. The token is in no argument, which every process of the machine could read.
ask() {
  jq --null-input --arg repository "$REPOSITORY" --arg ref "${REF:-main}" --arg type "${TYPE:-Github}" \
    --arg project "${PROJECT:-apikeys}" '{ Repository: $repository, Ref: $ref, Type: $type, Projects: [$project] }' |
    curl --silent --show-error --max-time 3600 \
      --config <(printf 'header = "X-Atlantis-Token: %s"\n' "$ATLANTIS_TOKEN") \
      --header 'Content-Type: application/json' --data @- "$ATLANTIS_URL/api/$1"
}

# Only where there is a result, and no result has a fault. The text of a plan is not for a log.
is_fine() {
  jq --exit-status '(.ProjectResults // []) as $results
    | ($results | length) > 0
      and all(., $results[]; (.Error == null) and ((.Failure // "") == "") and (.error == null))' >/dev/null
}

# An apply would go on after a plan that failed, so the plan is looked at first.
for command in plan apply; do
  if ! ask "$command" | is_fine; then
    echo "The $command failed. Atlantis shows why." >&2
    exit 1
  fi
done
echo "What was due is done."
