#!/usr/bin/env bash
# One issue for each key that is overdue, has leaked or is compromised: opened, kept up to date, and closed when the key is fine
# again. They tell whoever may read them which keys are in the wrong hands, so they belong into a private repository.
#
# Needs GITHUB_TOKEN with issues: write, GITHUB_REPOSITORY, curl and jq. Where the ledger cannot tell, it ends with an error and
# leaves the issues as they are: a key of which nothing is known is not fine. For the same reason it closes no issue about a key
# that only another ledger knows. Ends with 3 if an alert is about a live key that no resource holds, for that one has no issue.
set -euo pipefail
# A call that fails in $(…) ends the script as well.
shopt -s inherit_errexit

readonly API=${GITHUB_API_URL:-https://api.github.com}/repos/${GITHUB_REPOSITORY:?}
readonly LABEL=apikey-overdue
: "${GITHUB_TOKEN:?}"

# Method $1, path $2, body $3. The token is in no argument, which every process of the machine could read.
github() {
  local answer code=0
  answer=$(curl --silent --show-error --fail-with-body --max-time 30 --retry 3 \
    --config <(printf 'header = "Authorization: Bearer %s"\n' "$GITHUB_TOKEN") \
    --header 'Accept: application/vnd.github+json' --header 'X-GitHub-Api-Version: 2022-11-28' \
    --request "$1" "$API/$2" ${3:+--data "$3"}) || code=$?
  if [ "$code" != 0 ]; then
    printf '%s\n' "$answer" >&2
    return "$code"
  fi
  printf '%s\n' "$answer"
}

# The open issues of this script on all pages, as one list. They are never an argument: a page is larger than one may be. Pull
# requests are listed as well, and are left alone.
open_issues() {
  local page=1 issues all=
  while :; do
    issues=$(github GET "issues?state=open&labels=$LABEL&per_page=100&page=$page")
    all+=$issues
    if [ "$(jq length <<<"$issues")" -lt 100 ]; then break; fi
    page=$((page + 1))
  done
  jq --slurp 'add | map(select(.pull_request | not))' <<<"$all"
}

apikey=${APIKEY:-$(find -L .terraform/providers -name 'terraform-provider-apikey*' -type f | head -n 1)}
# Both end here with their exit code if they cannot tell.
status=$("$apikey" status --json)
inventory=$("$apikey" inventory --format json)
issues=$(open_issues)

# What an issue is about stands in its text where nobody sees it.
wanted=$(jq '[.keys[]
  | (if .status == "compromised" then "is compromised"
      elif .leaks[0] then "has leaked and works"
      elif .status == "overdue" then "is overdue"
      else empty end) as $what
  | {
  marker: "<!-- apikey \(.resource_id) -->",
  title: "API key \(.name) \($what)\(if .environment then " in \(.environment)" else "" end)",
  text: "The key `\(.name)` (owner: \(.owner // "nobody")) was rotated last at \(.last_rotated_at)\(
    if .rotation_due_at then ", and the next rotation is due at \(.rotation_due_at)" else "" end).\(
    if .leaks[0] then " A scanner of secrets has found it: `terraform-provider-apikey status` names the alert." else "" end)\(
    if .failing_since then " The apply of \(.failing_since) ended with an error." else "" end) `terraform plan` says what is to be done."
}]' <<<"$status")

# The rest of what this ledger manages, and what was revoked together with its resource.
fine=$(jq --slurp '(.[0].keys | map(.resource_id)) as $managed | .[2] as $wanted
  | [.[1] | group_by(.resource_id)[]
    | select(IN(.[0].resource_id; $managed[]) or all(.[]; .status == "revoked"))
    | "<!-- apikey \(.[0].resource_id) -->"] - ($wanted | map(.marker))' <<<"$status$inventory$wanted")

while read -r key; do
  body=$(jq --arg name "$LABEL" '{ title, body: "\(.text)\n\n\(.marker)", labels: [$name] }' <<<"$key")
  issue=$(jq --argjson key "$key" 'map(select(.body // "" | contains($key.marker))) | first // empty' <<<"$issues")
  if [ -z "$issue" ]; then
    github POST issues "$body" >/dev/null
    jq -r '"opened: \(.title)"' <<<"$key"
  elif ! jq -e --argjson new "$body" '.title == $new.title and .body == $new.body' <<<"$issue" >/dev/null; then
    github PATCH "issues/$(jq .number <<<"$issue")" "$(jq 'del(.labels)' <<<"$body")" >/dev/null
    jq -r '"brought up to date: \(.title)"' <<<"$key"
  fi
done < <(jq -c '.[]' <<<"$wanted")

while read -r issue; do
  github PATCH "issues/$(jq .number <<<"$issue")" '{"state": "closed", "state_reason": "completed"}' >/dev/null
  jq -r '"closed: \(.title)"' <<<"$issue"
done < <(jq -c --slurp '.[0] as $fine | .[1][]
  | select((.body // "") as $body | $fine | any(. as $marker | $body | contains($marker)))' <<<"$fine$issues")

if [ "$(jq .leaks_of_orphans <<<"$status")" != 0 ]; then
  echo "A live key that no resource holds has leaked. Revoke it at its issuer: $(basename "$apikey") inventory --orphaned" >&2
  exit 3
fi
