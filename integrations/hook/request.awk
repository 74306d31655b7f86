# Turns the input of a hook into a question to the server: prints the event's name, and the body of the question if it has
# one. Prints nothing if there is nothing to ask.

END {
    if (!sound()) exit
    event = text["hook_event_name"]
    if (event == "SessionStart") print event
    else if (event == "UserPromptSubmit" || event == "BeforeAgent") recall(text["prompt"])
}

# The minimum of ten characters is the one of Memento's hook: "yes" or "go on" recall only noise. A character of Chinese,
# Japanese or Korean says as much as some three letters, and counts as three.
function recall(prompt) {
    if (characters(prompt) < 10 || prompt ~ /^([ ]|\\[nrt])*(\\?\/)[A-Za-z0-9_:-]+([ ]|\\[nrt]|$)/) return
    # The server's 2,000 tokens are 6,000 bytes at most. Asked with `query`, it answers with a text ready for a prompt.
    print event, "{\"query\":\"" prompt "\",\"include\":[\"memories\",\"skip_list\"],\"max_tokens\":2000}"
}
