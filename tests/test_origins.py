"""An origin and a host have one form, however they are written."""

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.config import Settings, load_settings
from server.network.origins import find_host, normalize_authority, normalize_origin

LABEL = st.from_regex(r"[a-z]([a-z0-9-]{0,8}[a-z0-9])?", fullmatch=True).filter(lambda each: "--" not in each)
INTERNATIONAL = st.sampled_from(["mémoire", "bücher", "例え", "пример", "straße", "ελλάδα"])
NAMES = st.lists(LABEL | INTERNATIONAL, min_size=1, max_size=3).map(".".join)
PORTS = st.integers(1, 65535)


@st.composite
def spellings(draw):
    """A host and a port, and another way to write them."""
    name, port = draw(NAMES), draw(PORTS | st.none())
    other = draw(st.sampled_from([name, name.upper(), name.title(), normalize_authority(name, "")]))
    if "ß" in name and other != normalize_authority(name, ""):
        other = name  # in capitals it is another name: SS
    other += draw(st.sampled_from(["", "."]))
    shown = "" if port is None else f":{port}"
    default = draw(st.sampled_from(["", ":", ":443"])) if port in {None, 443} else shown
    return f"{name}{shown}", f"{other}{default}"


@settings(max_examples=150, derandomize=True, database=None)
@given(spellings())
def test_two_ways_to_write_a_host_have_one_form(pair):
    one, other = (normalize_authority(each, "https") for each in pair)
    assert one == other
    assert one.isascii()
    assert normalize_authority(one, "https") == one
    assert normalize_origin(f"HTTPS://{pair[1]}") == f"https://{one}" == normalize_origin(f"https://{pair[0]}")
    assert normalize_authority(find_host(f"https://{one}"), "https") == one.partition(":")[0]


@settings(max_examples=60, derandomize=True, database=None)
@given(NAMES, NAMES, PORTS, PORTS)
def test_other_names_and_other_ports_have_other_forms(name, other, port, other_port):
    forms = [normalize_authority(f"{each}:{number}", "https") for each, number in ((name, port), (other, other_port))]
    is_same = normalize_authority(name, "") == normalize_authority(other, "") and port == other_port
    assert (forms[0] == forms[1]) == is_same


@settings(max_examples=200, derandomize=True, database=None)
@given(st.text(max_size=30))
def test_any_text_has_a_form_or_is_refused(text):
    for normalize in (normalize_origin, lambda each: normalize_authority(each, "https")):
        with suppress(ValueError):
            assert normalize(text).isascii()


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://loci.example:443", "https://loci.example"),
        ("HTTPS://Loci.Example", "https://loci.example"),
        ("https://loci.example./", "https://loci.example"),
        ("https://mémoire.example", "https://xn--mmoire-bva.example"),
        ("https://\uff2cOCI.example", "https://loci.example"),
        ("https://my_host.example:8443/", "https://my_host.example:8443"),
        ("http://localhost:80", "http://localhost"),
        ("http://[0:0:0:0:0:0:0:1]:8080", "http://[::1]:8080"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
    ],
)
def test_a_public_url_is_kept_in_its_one_form(url, origin):
    assert load_settings({"LOCI_PUBLIC_URL": url}).public_url == origin
    assert Settings(public_url=url).resource == f"{origin}/mcp"


@pytest.mark.parametrize(
    "url",
    [
        "https://",
        "https://a b",
        "https://a@b",
        "https://a:b",
        "https://a:99999",
        "https://256.1.1.1",
        "https://127.1",
        "https://a.1",
        "https://[1",
        "https://a..b",
        "https://a%41",
        "ftp://a",
        "//a",
        "https://a\\b",
        "https://a?b",
        "https://a#b",
        "http://mémoire.example",
    ],
)
def test_a_public_url_that_is_no_origin_is_refused_in_a_sentence(url):
    with pytest.raises(SystemExit, match="LOCI_PUBLIC_URL: must be "):
        load_settings({"LOCI_PUBLIC_URL": url})
