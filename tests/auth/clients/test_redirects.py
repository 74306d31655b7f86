"""Redirect URIs match exactly, but for the port of a loopback host."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auth.clients.redirects import (
    APP_SCHEMES,
    describe_host,
    goes_to_local_app,
    is_registrable,
    is_same_except_loopback_port,
)

LOOPBACK = st.sampled_from(["localhost", "127.0.0.1", "127.0.0.9", "[::1]", "app.localhost"])
HOSTS = st.from_regex(r"[a-z][a-z0-9]{0,8}(\.[a-z]{2,5}){1,2}", fullmatch=True).filter(
    lambda host: not host.endswith("localhost")
)
PORTS = st.one_of(st.just(""), st.integers(1, 65535).map(lambda port: f":{port}"))
PATHS = st.from_regex(r"(/[a-zA-Z0-9._~-]{0,8}){1,3}", fullmatch=True)
QUERIES = st.from_regex(r"(\?[a-z]=[a-z0-9]{0,5})?", fullmatch=True)


@given(LOOPBACK, PORTS, PORTS, PATHS, QUERIES)
def test_the_port_of_a_loopback_redirect_does_not_count(host, registered, requested, path, query):
    assert is_same_except_loopback_port(
        f"http://{host}{registered}{path}{query}", f"http://{host}{requested}{path}{query}"
    )


@given(HOSTS, st.integers(1, 65535), st.integers(1, 65535), PATHS)
def test_the_port_of_any_other_redirect_counts(host, registered, requested, path):
    same = registered == requested
    assert (
        is_same_except_loopback_port(f"https://{host}:{registered}{path}", f"https://{host}:{requested}{path}") is same
    )


@given(LOOPBACK, LOOPBACK, PORTS, PATHS)
def test_one_loopback_host_is_not_another(registered, requested, port, path):
    assert is_same_except_loopback_port(f"http://{registered}{port}{path}", f"http://{requested}{port}{path}") is (
        registered == requested
    )


@given(LOOPBACK, PATHS, PATHS)
def test_another_path_is_another_redirect(host, registered, requested):
    assert is_same_except_loopback_port(f"http://{host}:1{registered}", f"http://{host}:2{requested}") is (
        registered == requested
    )


@given(LOOPBACK, PATHS, QUERIES, QUERIES)
def test_another_query_is_another_redirect(host, path, registered, requested):
    assert is_same_except_loopback_port(f"http://{host}:1{path}{registered}", f"http://{host}:2{path}{requested}") is (
        registered == requested
    )


@given(HOSTS, PATHS, st.text(min_size=1, max_size=12))
def test_what_is_appended_to_a_redirect_makes_it_another(host, path, tail):
    assert not is_same_except_loopback_port(f"https://{host}{path}", f"https://{host}{path}{tail}")


@given(HOSTS, st.text(min_size=1, max_size=12))
def test_what_is_put_before_a_host_makes_it_another(host, head):
    assert not is_same_except_loopback_port(f"https://{host}/cb", f"https://{head}{host}/cb")


@given(st.text(max_size=60), st.text(max_size=60))
def test_any_text_can_be_held_against_any_other(registered, requested):
    is_same_except_loopback_port(registered, requested)
    is_registrable(registered)
    describe_host(requested)
    assert (
        not is_same_except_loopback_port(registered, requested)
        or registered == requested
        or goes_to_local_app(registered)
    )


@pytest.mark.parametrize(
    "uri",
    [
        "https://claude.ai/api/mcp/auth_callback",
        "http://localhost/callback",
        "http://127.0.0.1:33418",
        "http://[::1]:8080/cb",
        *(f"{scheme}://auth/callback" for scheme in sorted(APP_SCHEMES)),
    ],
)
def test_what_real_apps_use_can_be_registered(uri):
    assert is_registrable(uri)


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "/callback",
        "http://app.example/callback",
        "http://10.0.0.1/callback",
        "https://",
        "https:///callback",
        "https://app.example/callback#fragment",
        "https://user@app.example/callback",
        "https://user:password@app.example/callback",
        "https://@app.example/callback",
        "https://app.example\\@evil.example/",
        "https://app.example/\n",
        "https://app.example/ü",
        "https://app.example:99999/",
        "https://evil%2eexample/",
        "http://evil.example%2f.localhost/",
        "http://localhost.evil.example/",
        "http://127.0.0.1.evil.example/",
        "https://*.example/callback",
        "javascript:alert(1)",
        "data:text/html,x",
        "file:///etc/passwd",
        "ftp://app.example/",
        "unknownapp://callback",
        "https://app.example/" + "x" * 2000,
    ],
)
def test_what_could_lead_elsewhere_cannot_be_registered(uri):
    if uri == "https://*.example/callback":
        assert not is_same_except_loopback_port(uri, "https://evil.example/callback")
    assert not is_registrable(uri)


def test_a_person_is_shown_the_host_or_the_scheme():
    assert describe_host("https://Claude.AI:443/x") == "claude.ai"
    assert describe_host("cursor://callback/x") == "cursor:"
    assert describe_host("\n") == ""
