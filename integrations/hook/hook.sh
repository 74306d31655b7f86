#!/bin/sh
# Loci's hook for clients that run a command at each event: one script for every client. Its input names the event.
#
# usage: hook.sh [CLIENT], e.g. `hook.sh gemini`; the input is the JSON that the client gives to its hooks
#
# It sends the event to the server, which captures it, and prints the text that the agent is told. With a key that may only
# read, and at a server that does not capture, a session's start shows the identity crystal and the working memory,
# and a prompt shows the memories and the skip entries that match it.
#
# It never blocks the agent: no request takes longer than three seconds, errors are silent, and the exit code is 0.
# docs/clients/ says how to set it up; README.md says which data is sent.

set -u
LC_ALL=C
export LC_ALL
[ -n "${LOCI_HOOK_TRACE:-}" ] || exec 2>/dev/null

here=$(dirname -- "$0")
kept=${XDG_CONFIG_HOME:-${HOME:-}/.config}/loci
url=${LOCI_URL:-${MEMENTO_API_URL:-}}
[ -n "$url" ] || { [ -r "$kept/url" ] && read -r url <"$kept/url"; }
url=${url:-http://127.0.0.1:8080}
url=${url%/}
url=${url%/mcp}
key=${LOCI_API_KEY:-${MEMENTO_API_KEY:-}}
[ -n "$key" ] || { [ -r "$kept/key" ] && read -r key <"$kept/key"; }
workspace=${LOCI_WORKSPACE:-${MEMENTO_WORKSPACE:-}}
line_break='
'
# Requests to this machine must not go through a proxy.
no_proxy=${no_proxy:-${NO_PROXY:-}},127.0.0.1,localhost
export no_proxy

# ask PATH: prints the server's answer, and below it the status. With `--data-binary @-` its input is the body. Nothing
# that is secret is on the command line, because every user can see that.
ask() {
    path=$1
    shift
    place=
    [ -z "$workspace" ] || place="header = \"X-Memento-Workspace: $workspace\""
    curl --disable --config /dev/fd/3 "$@" 3<<CONFIG
url = "$url$path"
header = "Authorization: Bearer $key"
header = "Content-Type: application/json"
$place
write-out = "\n%{http_code}"
max-time = ${LOCI_HOOK_SECONDS:-3}
max-filesize = 4194304
fail
silent
show-error
CONFIG
}

# show PATH ANSWER: prints an answer as text for the agent.
show() { printf '%s' "${2%"$line_break"*}" | awk -v path="$1" -f "$here/json.awk" -f "$here/answer.awk"; }

# read_answer PATH: prints the answer to a question without a body, as text for the agent.
read_answer() {
    found=$(ask "$1") || return
    show "$1" "$found"
}

tell() {
    [ -z "$1" ] || cat <<ANSWER
{"hookSpecificOutput":{"hookEventName":"$event","additionalContext":"$1"}}
ANSWER
}

# recall INPUT: shows the text for an event that the server does not capture.
recall() {
    wanted=$(printf '%s' "$1" | awk -f "$here/json.awk" -f "$here/request.awk")
    event=${wanted%% *}
    case $event in
    SessionStart)
        identity=$(read_answer /v1/identity) || return
        notes=$(read_answer /v1/working-memory) || return
        tell "$identity${identity:+${notes:+\\n\\n}}$notes"
        ;;
    UserPromptSubmit | BeforeAgent)
        found=$(printf '%s' "${wanted#* }" | ask /v1/context --data-binary @-) || return
        tell "$(show /v1/context "$found")"
        ;;
    esac
}

# find_repository: prints the URL of the repository in which the client works, without credentials; nothing if there is none.
# All worktrees and clones of a repository are one project by it. It is left out if it has characters that JSON escapes.
find_repository() {
    origin=$(git config --get remote.origin.url | sed 's#//[^/@]*@#//#') || return
    case $origin in
    *[!A-Za-z0-9@:/._~+%-]*) ;;
    *) printf '%s' "$origin" ;;
    esac
}

# The input is always read to its end: a client may treat a closed pipe as an error.
input=$(cat)
if [ -z "$key" ]; then
    echo "loci: no key in LOCI_API_KEY, and none in $kept/key" >&2
    exit 0
fi
[ $# -eq 0 ] || input="{\"platform\":\"$1\",${input#*\{}"
repository=$(find_repository)
[ -z "$repository" ] || input="{\"repository\":\"$repository\",${input#*\{}"
found=$(printf '%s' "$input" | ask /v1/hooks --data-binary @-)
case ${found##*"$line_break"} in
2??) show /v1/hooks "$found" ;;
403 | 404 | 405) recall "$input" ;;
esac
exit 0
