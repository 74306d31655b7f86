#!/bin/sh
# Loci's hook for Claude Code, Codex and Gemini CLI: one script for every event. Its input names the event.
#
#   SessionStart                    shows the agent its identity crystal and its working memory
#   UserPromptSubmit, BeforeAgent   shows the memories and the skip entries that match the prompt
#   Stop, AfterAgent                stores the agent's last message if LOCI_HOOK_STORE is set
#
# It never blocks the agent: no request takes longer than three seconds, errors are silent, and the exit code is 0.
# docs/clients/ says how to set it up; README.md says which data is sent.

set -u
LC_ALL=C
export LC_ALL
[ -n "${LOCI_HOOK_TRACE:-}" ] || exec 2>/dev/null

here=$(dirname -- "$0")
url=${LOCI_URL:-${MEMENTO_API_URL:-http://127.0.0.1:8080}}
url=${url%/}
url=${url%/mcp}
key=${LOCI_API_KEY:-${MEMENTO_API_KEY:-}}
kept=${XDG_CONFIG_HOME:-${HOME:-}/.config}/loci/key
[ -n "$key" ] || { [ -r "$kept" ] && read -r key <"$kept"; }
workspace=${LOCI_WORKSPACE:-${MEMENTO_WORKSPACE:-}}
# Requests to this machine must not go through a proxy.
no_proxy=${no_proxy:-${NO_PROXY:-}},127.0.0.1,localhost
export no_proxy

# ask PATH [BODY]: prints the server's answer. curl reads everything from a pipe, because every user can see a command line.
ask() {
    place=
    [ -z "$workspace" ] || place="header = \"X-Memento-Workspace: $workspace\""
    body=
    [ $# -lt 2 ] || body="data-binary = \"$2\""
    curl --disable --config - <<CONFIG
url = "$url$1"
header = "Authorization: Bearer $key"
header = "Content-Type: application/json"
$place
$body
max-time = ${LOCI_HOOK_SECONDS:-3}
max-filesize = 4194304
fail
silent
show-error
CONFIG
}

# answer PATH [BODY]: prints the answer as text for the agent.
answer() { ask "$@" | awk -v path="$1" -f "$here/json.awk" -f "$here/answer.awk"; }

tell() {
    [ -z "$1" ] || cat <<ANSWER
{"hookSpecificOutput":{"hookEventName":"$event","additionalContext":"$1"}}
ANSWER
}

# The input is always read to its end, by cat if awk is missing or stops early: a client may treat a closed pipe as an error.
wanted=$(
    awk -f "$here/json.awk" -f "$here/request.awk"
    cat >/dev/null
)
if [ -z "$key" ]; then
    echo "loci: no key in LOCI_API_KEY, and none in $kept" >&2
    exit 0
fi

event=${wanted%% *}
wanted=${wanted#* }
path=${wanted%% *}
body=${wanted#* }
case $event in
SessionStart)
    identity=$(answer /v1/identity) || exit 0
    notes=$(answer /v1/working-memory) || exit 0
    tell "$identity${identity:+${notes:+\\n\\n}}$notes"
    ;;
UserPromptSubmit | BeforeAgent) tell "$(answer "$path" "$body")" ;;
Stop | AfterAgent) ask "$path" "$body" >/dev/null ;;
esac
exit 0
