#!/usr/bin/env bash
# Starts a run in a workspace of HCP Terraform or Terraform Enterprise, which have no schedule of their own, and waits until it has
# ended. Let any scheduler start it every day.
#
# Needs TFE_TOKEN of a team that may apply runs of this workspace and no other, WORKSPACE_ID, curl and jq. Ends with 0 if what was due is
# done, with 1 if the run failed, and with 3 if it waits for somebody.
set -euo pipefail
# A call that fails in $(…) ends the script as well.
shopt -s inherit_errexit

readonly API=${TFE_ADDRESS:-https://app.terraform.io}/api/v2
readonly LOOKS=${LOOKS:-180} PAUSE=${PAUSE:-10}
: "${TFE_TOKEN:?}" "${WORKSPACE_ID:?}"

# The token is in no argument, which every process of the machine could read.
ask() {
  curl --silent --show-error --fail-with-body --max-time 30 \
    --config <(printf 'header = "Authorization: Bearer %s"\n' "$TFE_TOKEN") \
    --header 'Content-Type: application/vnd.api+json' "$@"
}

# It applies by itself, whatever the workspace does with other runs.
start() {
  jq --null-input --arg workspace "$WORKSPACE_ID" '{
    data: {
      type: "runs",
      attributes: { message: "Rotate API keys that are due", "auto-apply": true },
      relationships: { workspace: { data: { type: "workspaces", id: $workspace } } }
    }
  }' | ask --data @- "$API/runs" | jq --raw-output .data.id
}

run=$(start)
for ((look = 0; look < LOOKS; look++)); do
  status=$(ask --retry 3 "$API/runs/$run" | jq --raw-output .data.attributes.status)
  case $status in
    applied | planned_and_finished)
      echo "$run: $status"
      exit 0
      ;;
    errored | canceled | force_canceled | discarded)
      echo "$run: $status" >&2
      exit 1
      ;;
    policy_override | post_plan_awaiting_decision) break ;;
  esac
  sleep "$PAUSE"
done
# What is due stays due meanwhile, and later runs of the workspace wait behind this one.
echo "$run: $status. Look at it: it is not done." >&2
exit 3
