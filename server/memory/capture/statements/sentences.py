"""The sentences that somebody wrote in a message, without what was pasted into it: code, logs, quotes and documents."""

import re
from collections.abc import Iterable, Iterator
from itertools import islice

#: The beginning of a message is read, and its end; what lies between is a paste.
READ_CHARACTERS = 8_000
#: A longer line is a dump, and a longer sentence is no fact.
_LONGEST_LINE, LONGEST_SENTENCE = 2_000, 500
#: A message of more sentences is a document, of which the beginning and the end are somebody's own words.
_MOST_SENTENCES, _AT_EDGES = 40, 10

_FENCE = re.compile(r"^\s*(?:```|~~~)")
_DOCSTRING = re.compile(r'^\s*(?:"""|\'\'\'|<<<+|-{5,}|={5,})\s*$')
_BULLET = re.compile(r"^\s*(?:[-*+•]|\d{1,3}[.)])\s+(?:\[[ xX]\]\s+)?")
_DUMPED = re.compile(
    r"^(?:\s{4,}|\t|>)"  # indented, or quoted
    r"|^\s*(?:\d{4}-\d\d-\d\d[T ]\d\d:|\[?\d\d:\d\d:\d\d|\[\d+[.\d]*\]|\w{3} +\d+ \d\d:\d\d:)"  # a log's time
    r"|^\s*(?:[$%#>]\s|//|/\*|--\s|<[/!\w]|[{}\[\]()|@]|[+]{3}|-{3}|\.{3}|::)"  # a shell, comments, marks of code
    r"|^\s*(?:Traceback |File \"|at \S+\(|Caused by:|\w+(?:\.\w+)*(?:Error|Exception|Warning)\b|"
    r"(?:ERROR|WARN|WARNING|INFO|DEBUG|FATAL|FAIL|FAILED|TRACE|npm ERR|error|warning|fatal|panic)\b[:!\[\]\s])"
    r"|^\s*(?:import|export|const|let|var|def|class|function|func|fn|public|private|static|return|package|using|"
    r"from|select|insert|update|create|alter)\b.{0,200}(?:[;{}()=]|:)\s*$"
    r"|[;{}]\s*$"
)
_SETTING = re.compile(r"^\s*-?\s*[\w.\"'-]{1,40}\s*[:=]\s?\S{0,200}(?:\s\S{1,80}){0,12}$")
_SIGNS = re.compile(r"[^\w\s.,;:!?'\"()\u2019\u2013\u2014-]")
#: A request after which the text to work on follows, to the end of the message.
_BEFORE_PASTE = re.compile(
    r"\b(?:summari[sz]e|proof-?read|translate|shorten|rewrite|rephrase|reword|review|explain|correct|check|improve|"
    r"analy[sz]e|read|edit|fix|convert|format|polish|answer|reply to|respond to|übersetze?|korrigiere?|fasse?|kürze?|"
    r"erkläre?|traduis|traduire|corrige|résume|resume|traduce|here(?:'s| is| are)|hier (?:ist|sind)|voici|aquí está|"
    r"make this|make it|put this|turn this|change this|use this|this (?:text|mail|email|letter|paragraph|code|"
    r"output)|the following|"
    r"i (?:get|got|see|found|received)|the (?:error|output|log|text|mail|email|message) (?:is|was|says))\b"
    r"[^:]{0,80}:\s*(?P<rest>.*)$",
    re.IGNORECASE,
)
#: The beginning of a letter: the rest is its text.
_LETTER = re.compile(
    r"^\s*(?:dear|sehr geehrte\w*|liebe[rs]?|cher|chère|estimad[oa]|querid[oa])\s[\w. ]{1,40},\s*$", re.IGNORECASE
)
_TRANSLATE = re.compile(r"\A(?:translate|übersetz|tradui|traduce)", re.IGNORECASE)
_END = re.compile(r"[.!?\u3002\uff01\uff1f]+[\"'\u201d\u2019)\]]{0,3}(?=\s|$)|\u3002|\uff01|\uff1f")
#: After a number with a full stop: a date in German, "am 3. März".
_GERMAN_DATE = re.compile(r"\s(?:jan|feb|mär|apr|mai|jun|jul|aug|sep|okt|nov|dez)", re.IGNORECASE)
#: A name of a program that ends like a sentence: `File.exists?`.
_IN_CODE = re.compile(r"\w[.:_]\w+[?!]$")
_NUMBERED = re.compile(r"(?:^|\s)\d{1,2}\.$")
_NO_END = re.compile(
    r"(?:^|[\s(])(?:e\.g|i\.e|etc|vs|cf|approx|resp|incl|no|nr|st|mr|mrs|ms|dr|prof|z\.b|d\.h|bzw|ca|p\.s|m|mme|sr|sra|"
    r"[a-z])\.$",
    re.IGNORECASE,
)
#: So much before an end is looked at for an abbreviation.
_BEFORE_END = 12


def find_sentences(text: str) -> list[str]:
    """Return the sentences of a message that its author wrote for it, in order; a list item is a sentence."""
    found = [sentence for line in _join_lines(_find_own_lines(bound_text(text))) for sentence in split_line(line)]
    if len(found) > _MOST_SENTENCES:
        found = found[:_AT_EDGES] + found[-_AT_EDGES:]
    return [sentence for sentence in found if len(sentence) <= LONGEST_SENTENCE]


def split_line(line: str) -> Iterator[str]:
    """Yield the sentences of a line."""
    begin = 0
    for end in _END.finditer(line):
        before = line[max(begin, end.end() - _BEFORE_END) : end.end()]
        if line.count("(", begin, end.start()) > line.count(")", begin, end.end()) or _IN_CODE.search(before):
            continue
        if _NO_END.search(before) or (_NUMBERED.search(before) and _GERMAN_DATE.match(line, end.end())):
            continue
        if sentence := line[begin : end.end()].strip():
            yield sentence
        begin = end.end()
    if rest := line[begin:].strip():
        yield rest


def bound_text(text: str) -> str:
    """Return a text of bounded length: the beginning and the end of a long one, with a gap between them."""
    if len(text) <= READ_CHARACTERS:
        return text
    # Cut at blanks, so that no half of a word is left: it may be half of a key.
    half = READ_CHARACTERS // 2
    head, _, _ = text[:half].rpartition(" ")
    _, _, tail = text[-half:].partition(" ")
    return f"{head}\n```\n```\n{tail}"


def _find_own_lines(text: str) -> Iterator[str]:
    """Yield the lines that are prose; an empty one stands for a gap."""
    fenced = quoted = False
    lines = text.splitlines()
    for place, line in enumerate(lines):
        if _FENCE.match(line) or _DOCSTRING.match(line):
            is_fence = _FENCE.match(line) is not None
            fenced, quoted = (not fenced if is_fence else fenced), (quoted if is_fence else not quoted)
            yield ""
        elif fenced or quoted:
            continue
        elif _LETTER.match(line):
            return
        elif (paste := _BEFORE_PASTE.search(line[:400])) and _is_paste(paste[0], paste["rest"], lines[place + 1 :]):
            yield line[: paste.start("rest")]
            return
        else:
            yield "" if _is_dumped(line) or _is_setting(lines, place) else line


def _is_paste(before: str, rest: str, after: list[str]) -> bool:
    """Whether what follows the colon is a text to work on: it stands on lines of its own, or in quotes."""
    if _TRANSLATE.search(before) or rest.startswith(('"', "'", "\u201c", "\u201e", "\u00ab", "`")):
        return True
    return not rest and any(line.strip() for line in islice(after, 3))


def _is_dumped(line: str) -> bool:
    if len(line) > _LONGEST_LINE:
        return True
    plain = _BULLET.sub("", line)
    if _DUMPED.search(plain if plain != line else line):
        return True
    signs = len(_SIGNS.findall(plain))
    return signs > 4 and signs * 8 > len(plain)  # noqa: PLR2004 - a sentence has few signs that are no punctuation


def _is_setting(lines: list[str], place: int) -> bool:
    """Whether a line is one of several `name: value`."""
    if len(lines[place]) > _LONGEST_LINE or not _SETTING.match(lines[place]):
        return False
    beside = [lines[near] for near in (place - 1, place + 1) if 0 <= near < len(lines)]
    return any(len(line) <= _LONGEST_LINE and _SETTING.match(line) for line in beside)


def _join_lines(lines: Iterable[str]) -> Iterator[str]:
    """Yield paragraphs: a long line goes on if the next one begins with a small letter."""
    pending = ""
    for line in lines:
        plain = _BULLET.sub("", line).strip()
        wrapped = len(pending) >= 60 and pending[-1] not in ".!?:;" and plain[:1].islower()  # noqa: PLR2004 - wide
        if wrapped and plain == line.strip() and len(pending) < _LONGEST_LINE:
            pending = f"{pending} {plain}"
            continue
        if pending:
            yield pending
        pending = plain
    if pending:
        yield pending
