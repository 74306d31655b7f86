# Turns the input of a hook into a request to the server: prints the event's name, the path, and the body as curl's
# config takes it. Prints nothing if there is nothing to ask.

END {
    if (!sound()) exit
    event = text["hook_event_name"]
    if (event == "SessionStart") print event
    else if (event == "UserPromptSubmit" || event == "BeforeAgent") recall(text["prompt"])
    else if ((event == "Stop" || event == "AfterAgent") && word["stop_hook_active"] != "true")
        remember("last_assistant_message" in text ? text["last_assistant_message"] : text["prompt_response"])
}

# The minimum of ten characters is the one of Memento's hook: "yes" or "go on" recall only noise.
function recall(prompt) {
    if (characters(prompt) < 10 || prompt ~ /^([ ]|\\[nrt])*(\\?\/)[A-Za-z0-9_:-]+([ ]|\\[nrt]|$)/) return
    # The server's 2,000 tokens are 6,000 bytes at most. Asked with `query`, it answers with a text ready for a prompt.
    ask("/v1/context", "{\"query\":\"" prompt "\",\"include\":[\"memories\",\"skip_list\"],\"max_tokens\":2000}")
}

function remember(said) {
    if (!ENVIRON["LOCI_HOOK_STORE"] || characters(said) < 10) return
    ask("/v1/memories", "{\"content\":\"" cut(said, 16000) "\",\"author\":\"agent\",\"source\":\"stop hook\"" \
        (text["session_id"] == "" ? "" : ",\"session\":\"" cut(text["session_id"], 200) "\"") "}")
}

function ask(path, body) {
    gsub(/[\\"]/, "\\\\&", body)
    print event, path, body
}
