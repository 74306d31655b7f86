"""Credentials are found by their form, whatever stands around them, and ordinary words are left alone."""

import re
import string
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.memory.credentials import Credential, find_credentials, fold_letters, list_forms, redact_credentials

ALNUM = string.ascii_letters + string.digits
HEX = "0123456789abcdef"


def token(alphabet, size):
    return st.text(alphabet, min_size=size, max_size=size)


#: Made-up credentials, by their kind.
MADE_UP = {
    "AWS Access Key": token(string.ascii_uppercase + string.digits, 16).map("AKIA{}".format),
    "GitHub Token": token(ALNUM, 36).map("ghp_{}".format) | token(ALNUM, 40).map("github_pat_{}".format),
    "GitLab Token": token(ALNUM, 20).map("glpat-{}".format),
    "Anthropic API Key": token(ALNUM, 40).map("sk-ant-api03-{}".format),
    "OpenAI API Key": token(ALNUM, 48).map("sk-{}".format) | token(ALNUM, 48).map("sk-proj-{}".format),
    "OpenRouter API Key": token(HEX, 64).map("sk-or-v1-{}".format),
    "Groq API Key": token(ALNUM, 52).map("gsk_{}".format),
    "xAI API Key": token(ALNUM, 80).map("xai-{}".format),
    "AWS Secret Key": token(ALNUM + "+/", 40).map("aws_secret_access_key = {}".format),
    "Google API Key": token(ALNUM, 35).map("AIza{}".format),
    "Slack Token": token(string.digits, 11).map("xoxb-{}-abcdef123456".format),
    "Stripe Access Key": token(ALNUM, 24).map("sk_live_{}".format),
    "SendGrid API Key": st.tuples(token(ALNUM, 22), token(ALNUM, 43)).map("SG.{0[0]}.{0[1]}".format),
    "Loci API Key": token(HEX, 32).map("mp_live_{}".format),
    "Hugging Face Token": token(ALNUM, 34).map("hf_{}".format),
    "NPM Token": token(ALNUM, 36).map("npm_{}".format),
    "JSON Web Token": token(ALNUM, 20).map("eyJ{0}.eyJ{0}.{0}".format),
    "Basic Auth Credentials": token(ALNUM, 12).map("postgres://ann:{}@db.example/x".format),
    "Private Key": token(ALNUM + "+/\n", 200).map(
        "-----BEGIN OPENSSH PRIVATE KEY-----\n{}\n-----END OPENSSH PRIVATE KEY-----".format
    ),
}
ORDINARY = [
    "The key of the door is under the mat, and the password is the name of Ann's cat.",
    "Set OPENAI_API_KEY in the environment; never write it into the file.",
    "Commit 3f786850e387550fdab836ed7e6dc881de23001b fixed the token refresh, see https://example.org/a:b/c",
    "Use the id 01980000-0000-7000-8000-000000000000 and sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822c",
    "The skeleton sk-learn task is done; basic auth is off; ssh ann@heron.example:22",
    "Authorization: Bearer <key>",
]


@pytest.mark.parametrize("kind", MADE_UP)
def test_a_credential_is_found_in_any_sentence_and_nothing_of_it_is_left_by_redaction(kind):
    @settings(max_examples=15)
    @given(MADE_UP[kind], st.sampled_from(["", "Use ", "key: ", '{"a": "']), st.sampled_from(["", " today.", '"}']))
    def check(secret, before, after):
        text = before + secret + after
        assert kind in {each.kind for each in find_credentials(text)}, text
        redacted = redact_credentials(text)
        assert f"[redacted: {kind}]" in redacted
        assert (secret[15:25] if "://" in secret else secret[-10:]) not in redacted

    check()


@pytest.mark.parametrize("text", ORDINARY)
def test_ordinary_words_are_left_alone(text):
    assert find_credentials(text) == []
    assert redact_credentials(text) == text


@settings(max_examples=60)
@given(st.lists(st.sampled_from([*ORDINARY, "mp_live_" + "0" * 32, "AKIA" + "A" * 16]), max_size=6).map(" ".join))
def test_redaction_leaves_everything_else_as_it_is(text):
    found = find_credentials(text)
    assert all(a.end <= b.start for a, b in pairwise(found))
    assert redact_credentials(redact_credentials(text)) == redact_credentials(text)
    assert redact_credentials(text).count("[redacted: ") == len(found)


def test_the_hints_of_a_form_are_in_each_text_that_has_it_so_that_nothing_else_is_looked_for():
    for form in list_forms():

        @settings(max_examples=6)
        @given(st.just(form), st.from_regex(form.pattern, fullmatch=True), st.sampled_from([str.upper, str.swapcase]))
        def check(form, text, change):
            for each in (text, change(text)):
                if form.pattern.search(each):
                    both = f"{each}\n{fold_letters(each)}"
                    assert any(hint in both for hint in form.hints), (form, each)

        check()


@settings(max_examples=60)
@given(st.lists(st.sampled_from(ORDINARY) | st.one_of(*MADE_UP.values()) | st.text(max_size=30), max_size=6))
def test_the_same_is_found_as_by_each_pattern_alone(parts):
    text = " ".join(parts)
    every = [Credential(form.kind, *match.span()) for form in list_forms() for match in form.pattern.finditer(text)]
    expected = []
    for each in sorted(every, key=lambda each: (each.start, -each.end)):
        if not expected or each.start >= expected[-1].end:
            expected.append(each)
    assert find_credentials(text) == expected


def test_letters_are_folded_as_patterns_that_ignore_case_compare_them():
    alike = [chr(code) for code in range(0x110000) if re.fullmatch("[a-z]", chr(code), re.IGNORECASE)]
    assert {"K", "\u212a", "\u017f", "\u0130", "\u0131"} <= {*alike}
    for char in alike:
        folded = fold_letters(char)
        assert re.fullmatch(folded, char, re.IGNORECASE), char
        assert folded.isascii(), char
