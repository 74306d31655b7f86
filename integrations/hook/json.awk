# Reads one JSON document, for request.awk and answer.awk. Any POSIX awk will do.
#
# Strings are never decoded. A string that goes from one JSON document into another stays escaped, so that no
# quote, line break or emoji can be lost or changed. Only the first KEEP bytes of a string are kept, however long it is.
#
# If the document is valid (`sound()`), text[path] has its strings, word[path] its numbers and literals. A path is
# the keys and the places in lists, joined by slashes: skip_matches/0/item.
#
# A record is the text between two quotes: by turns the structure and a string.

BEGIN { RS = "\""; KEEP = 48000 }

bad { next }

!quoted { structure($0); quoted = 1; string = ""; next }

{
    # A quote after an odd number of backslashes is escaped: the string goes on. Pieces are gathered before they are
    # added, as each addition copies the whole.
    escaped = match($0, /\\+$/) ? RLENGTH % 2 : 0
    piece = piece $0 (escaped ? "\"" : "")
    if (escaped && length(piece) < 4000) next
    if (length(string) <= KEEP) string = string piece
    piece = ""
    if (escaped) next
    quoted = 0
    scalar(cut(string, KEEP), 1)
}

function sound() { return !bad && ended && quoted && string piece == "" }

function structure(chunk,    i, c, literal) {
    if (length(chunk) > KEEP) bad = 1
    for (i = 1; i <= length(chunk) && !bad; i++) {
        c = substr(chunk, i, 1)
        if (!index("{}[]:, \t\r\n", c)) { literal = literal c; continue }
        if (literal != "") { scalar(literal, 0); literal = "" }
        if (c == "{" || c == "[") open_one(c)
        else if (c == "}" || c == "]") close_one(c)
        else if (c == ",") follow()
        else if (c == ":") { if (expects[depth] == ":") expects[depth] = "value"; else bad = 1 }
    }
    if (literal != "") scalar(literal, 0)
}

# `expects` is the next part that is allowed in the innermost object or list: "key", ":", "value" or ",".
function open_one(c) {
    if (depth ? expects[depth] != "value" : ended || c != "{") { bad = 1; return }
    fresh[depth] = 0
    kind[++depth] = c
    name[depth] = c == "[" ? 0 : ""
    expects[depth] = c == "[" ? "value" : "key"
    fresh[depth] = 1
}

function close_one(c) {
    if (!depth || kind[depth] != (c == "}" ? "{" : "[") || !(expects[depth] == "," || fresh[depth])) { bad = 1; return }
    if (--depth) expects[depth] = ","
    else ended = 1
}

function follow() {
    if (!depth || expects[depth] != ",") { bad = 1; return }
    expects[depth] = kind[depth] == "[" ? "value" : "key"
    if (kind[depth] == "[") name[depth]++
}

function scalar(value, is_string,    at, d) {
    if (!depth || (is_string ? !whole(value) : value !~ /^(true|false|null|-?[0-9][0-9.eE+-]*)$/)) { bad = 1; return }
    fresh[depth] = 0
    if (expects[depth] == "key" && is_string) { name[depth] = value; expects[depth] = ":"; return }
    if (expects[depth] != "value") { bad = 1; return }
    expects[depth] = ","
    at = name[1]
    for (d = 2; d <= depth; d++) at = at "/" name[d]
    if (is_string) text[at] = value
    else word[at] = value
}

# Whether a string has no bare control character, and no escape that JSON does not know.
function whole(s) {
    if (s ~ /[\001-\037]/) return 0
    gsub(/\\(["\\\/bfnrt]|u[0-9a-fA-F][0-9a-fA-F][0-9a-fA-F][0-9a-fA-F])/, "", s)
    return !index(s, "\\")
}

# The first n bytes of an escaped string at most, ending neither inside a character nor inside an escape.
function cut(s, n,    t) {
    if (length(s) <= n) return s
    t = substr(s, 1, n)
    if (substr(s, n + 1, 1) ~ /[\200-\277]/) sub(/[\300-\377][\200-\277]*$/, "", t)
    if (match(t, /\\+(u[0-9a-fA-F]?[0-9a-fA-F]?[0-9a-fA-F]?)?$/)) t = before_escape(t)
    if (match(t, /\\+u[dD][89abAB][0-9a-fA-F][0-9a-fA-F]$/)) t = before_escape(t)  # half of a pair
    return t
}

# The text before the escape, if the last of the backslashes just matched begins an escape; else the whole text.
function before_escape(t,    rest) {
    rest = substr(t, RSTART)
    match(rest, /^\\+/)
    return RLENGTH % 2 ? substr(t, 1, length(t) - length(rest) + RLENGTH - 1) : t
}

# The number of characters of a string, without the blanks around it. Those of U+3000 to U+D7FF count as three.
function characters(s) {
    gsub(/\\\\/, "x", s)
    gsub(/\\[nrtf]/, " ", s)
    gsub(/\\u([3-9a-cA-C][0-9a-fA-F]|[dD][0-7])[0-9a-fA-F][0-9a-fA-F]|[\343-\355]/, "xxx", s)
    gsub(/\\(u[0-9a-fA-F][0-9a-fA-F][0-9a-fA-F][0-9a-fA-F]|.)/, "x", s)
    gsub(/^ +| +$|[\200-\277]/, "", s)
    return length(s)
}
