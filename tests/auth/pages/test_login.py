"""Logging in and out, and what stops whoever guesses, forges or plants."""

from dataclasses import replace

import pytest
import sqlalchemy as sa
from argon2 import PasswordHasher, extract_parameters

from auth import throttle
from auth.accounts.account_names import check_name
from server.store.record.people.accounts import create_user, find_user, set_password
from server.store.tables.accounts import users
from server.store.tables.oauth import browser_sessions
from tests.helpers.logins.flow import ON_BOTH, PASSWORD, Flow, read_fields

pytestmark = [pytest.mark.anyio, ON_BOTH]


@pytest.fixture
def person(http, auth, ada):  # noqa: ARG001 - somebody must be there to log in
    return Flow(http, auth.issuer)


async def test_a_person_logs_in_and_goes_where_they_were_going(person):
    answer = await person.log_in(to="/apps?x=1")
    assert (answer.status_code, answer.headers["location"]) == (302, "/apps?x=1")
    assert "ada" in (await person.http.get("/apps")).text


async def test_somebody_who_is_logged_in_goes_on_without_the_form(person):
    await person.log_in()
    for path, destination in (
        ("/login", "/memories"),
        ("/login?next=/welcome", "/welcome"),
        ("/login?next=//thief.example", "/memories"),
    ):
        answer = await person.http.get(path)
        assert (answer.status_code, answer.headers["location"]) == (302, destination)


async def test_a_wrong_password_and_an_unknown_name_are_told_apart_by_nobody(person):
    wrong, unknown = await person.log_in(password="wrong"), await person.log_in(username="nobody")
    assert wrong.status_code == unknown.status_code == 400
    assert "name or the password is wrong" in wrong.text
    # The page's anti-forgery value is random, and may spell a name: only the field's own value is taken out.
    assert wrong.text.replace('value="ada"', "") == unknown.text.replace('value="nobody"', "")


async def test_refused_logins_are_counted_by_their_reason(person, auth):
    for _ in range(throttle.LOGIN_BY_NAME_AND_ADDRESS.count):
        await person.log_in(password="wrong")
    assert (await person.log_in()).status_code == 429
    assert auth.refused_logins == {"wrong_password": throttle.LOGIN_BY_NAME_AND_ADDRESS.count, "too_many_tries": 1}


async def test_an_unknown_name_costs_as_much_hashing_as_a_known_one(person, monkeypatch):
    verified = []
    verify = PasswordHasher.verify
    monkeypatch.setattr(
        PasswordHasher, "verify", lambda self, *args: verified.append((self, args[0])) or verify(self, *args)
    )
    await person.log_in(password="wrong")
    await person.log_in(username="nobody")
    (hasher, known), (same, nobodys) = verified
    assert hasher is same
    assert extract_parameters(known) == extract_parameters(nobodys)


async def test_nothing_typed_into_the_form_comes_back_but_the_name(person):
    answer = await person.log_in(username='"><script>', password="hunter2 hunter2")
    assert "hunter2" not in answer.text
    assert "<script>" not in answer.text


async def test_a_disabled_user_and_one_without_a_password_cannot_log_in(person, auth, ada, clock):
    async with auth.db.write() as connection:
        await connection.execute(sa.update(users).values(password_hash=None))
    assert (await person.log_in()).status_code == 400
    async with auth.db.write() as connection:
        await set_password(connection, ada.id, await auth.passwords.hash(PASSWORD))
        await connection.execute(sa.update(users).values(disabled_at=clock()))
    assert (await person.log_in()).status_code == 400


async def test_a_session_of_a_user_who_was_disabled_is_over(person, auth, clock):
    await person.log_in()
    async with auth.db.write() as connection:
        await connection.execute(sa.update(users).values(disabled_at=clock()))
    assert (await person.http.get("/apps")).status_code == 302


async def test_after_ten_wrong_passwords_for_a_name_even_the_right_one_waits(person, clock):
    for _ in range(10):
        assert (await person.log_in(password="wrong")).status_code == 400
    clock.move(minutes=5)
    answer = await person.log_in()
    assert answer.status_code == 429
    assert "Try again in 10 minutes" in answer.text
    assert answer.headers["retry-after"] == "600"
    clock.move(minutes=10)
    assert (await person.log_in()).status_code == 302


async def guess(browser, auth, address, count, names=("ada",)):
    """Send wrong passwords from an address, under these names in turn."""
    async with browser(address) as http:
        for number in range(count):
            await Flow(http, auth.issuer).log_in(username=names[number % len(names)], password="wrong")


async def log_in_from(browser, auth, address, username="ada"):
    async with browser(address) as http:
        return (await Flow(http, auth.issuer).log_in(username=username)).status_code


@pytest.mark.usefixtures("ada")
async def test_a_name_is_counted_whatever_its_case_for_each_address_and_the_others_go_on(make_browser, auth):
    await guess(make_browser, auth, "192.0.2.1", 10, names=("ada", "ADA", "Ada", "aDa", "adA"))
    assert await log_in_from(make_browser, auth, "192.0.2.1") == 429
    assert await log_in_from(make_browser, auth, "192.0.2.2") == 302


@pytest.mark.usefixtures("ada")
async def test_a_name_has_a_bound_over_all_addresses_and_an_address_that_is_refused_does_not_count_for_it(
    make_browser, auth, monkeypatch
):
    monkeypatch.setattr(throttle, "LOGIN_BY_NAME", replace(throttle.LOGIN_BY_NAME, count=24))
    monkeypatch.setattr(throttle, "LOGIN_BY_ADDRESS", replace(throttle.LOGIN_BY_ADDRESS, count=8))
    await guess(make_browser, auth, "192.0.2.1", 40)
    assert await log_in_from(make_browser, auth, "192.0.2.1") == 429
    await guess(make_browser, auth, "192.0.2.2", 8)
    assert await log_in_from(make_browser, auth, "192.0.2.9", "ADA") == 302
    await guess(make_browser, auth, "192.0.2.3", 8)
    assert await log_in_from(make_browser, auth, "192.0.2.10", "ADA") == 429


async def test_a_browser_in_which_the_person_has_logged_in_goes_on_while_others_guess(
    person, make_browser, auth, ada, monkeypatch
):
    monkeypatch.setattr(throttle, "LOGIN_BY_NAME", replace(throttle.LOGIN_BY_NAME, count=20))
    await person.log_in()
    for address in ("127.0.0.1", "192.0.2.1", "192.0.2.2"):
        await guess(make_browser, auth, address, 10)
    await guess(make_browser, auth, "127.0.0.1", 50, names=[f"name{number}" for number in range(50)])
    assert await log_in_from(make_browser, auth, "127.0.0.1") == 429
    assert await log_in_from(make_browser, auth, "192.0.2.9") == 429
    assert (await person.log_in(username=ada.name.upper())).status_code == 302
    for _ in range(10):
        assert (await person.log_in(password="wrong")).status_code == 400
    assert (await person.log_in()).status_code == 429


async def test_the_mark_of_a_browser_is_for_one_person_and_cannot_be_made_up(person, make_browser, auth, clock):
    await person.log_in()
    mark = person.http.cookies["loci-known"]
    async with auth.db.write() as connection:
        password_hash = await auth.passwords.hash(PASSWORD)
        await create_user(connection, name="eve", password_hash=password_hash, is_admin=False, now=clock())
    browser_id, _, seal = mark.partition(".")
    for name in ("eve", "ada"):
        await guess(make_browser, auth, "192.0.2.1", 10, names=(name,))
    for name, value in (("eve", mark), ("ada", f"{browser_id}x.{seal}"), ("ada", f"{browser_id}."), ("ada", ".")):
        async with make_browser("192.0.2.1", cookies={"loci-known": value}) as http:
            assert (await Flow(http, auth.issuer).log_in(username=name)).status_code == 429
    async with make_browser("192.0.2.1", cookies={"loci-known": mark}) as http:
        assert (await Flow(http, auth.issuer).log_in(username="ada")).status_code == 302


@pytest.mark.parametrize(
    ("name", "typed"), [("zoë", "ZOE\u0308"), ("Straße", "STRASSE"), ("Ада", "ада"), ("李雷", "李雷")]
)
async def test_a_name_may_have_letters_of_any_script_and_is_typed_in_any_case(http, auth, clock, name, typed):
    check_name(name)
    async with auth.db.write() as connection:
        password_hash = await auth.passwords.hash(PASSWORD)
        user = await create_user(connection, name=name, password_hash=password_hash, is_admin=False, now=clock())
    assert user.name == name
    assert (await Flow(http, auth.issuer).log_in(username=typed)).status_code == 302
    assert name in (await http.get("/apps")).text


@pytest.mark.usefixtures("ada")
async def test_one_address_has_fifty_wrong_tries_over_all_names(make_browser, auth):
    async with make_browser("192.0.2.1") as http:
        for number in range(50):
            await Flow(http, auth.issuer).log_in(username=f"name{number}")
        assert (await Flow(http, auth.issuer).log_in()).status_code == 429
    async with make_browser("192.0.2.2") as http:
        assert (await Flow(http, auth.issuer).log_in()).status_code == 302


async def test_good_logins_are_not_counted(person):
    for _ in range(60):
        assert (await person.log_in()).status_code == 302


@pytest.mark.usefixtures("ada")
async def test_logging_in_puts_a_new_session_in_place_of_whatever_cookie_was_there(make_browser, auth):
    planted = "p" * 43
    async with make_browser(cookies={"loci": planted}) as http:
        await Flow(http, auth.issuer).log_in()
        assert {cookie.value for cookie in http.cookies.jar if cookie.domain} != {planted}
        assert (await http.get("/apps")).status_code == 200
    async with make_browser(cookies={"loci": planted}) as thief:
        assert (await thief.get("/apps")).status_code == 302


async def test_logging_in_again_ends_the_session_before(person, make_browser):
    await person.log_in()
    before = person.http.cookies["loci"]
    await person.log_in()
    async with make_browser(cookies={"loci": before}) as old:
        assert (await old.get("/apps")).status_code == 302


async def test_a_session_is_kept_as_a_hash(person, auth):
    await person.log_in()
    async with auth.db.read() as connection:
        kept = str((await connection.execute(sa.select(browser_sessions))).all())
    assert person.http.cookies["loci"] not in kept


async def test_a_session_ends_after_a_week(person, clock):
    await person.log_in()
    clock.move(days=7)
    assert (await person.http.get("/apps")).status_code == 302


async def test_logging_out_takes_a_form_and_ends_the_session_for_every_copy_of_the_cookie(person, make_browser):
    await person.log_in()
    cookie = person.http.cookies["loci"]
    assert (await person.http.post("/logout", data={"csrf": "forged"})).status_code == 403
    page = await person.http.get("/logout")
    assert (await person.http.get("/apps")).status_code == 200
    assert (await person.http.post("/logout", data=read_fields(page.text))).headers["location"] == "/login"
    async with make_browser(cookies={"loci": cookie}) as copy:
        assert (await copy.get("/apps")).status_code == 302


async def test_a_login_form_without_its_token_is_refused(person):
    answer = await person.http.post("/login", data={"username": "ada", "password": PASSWORD})
    assert answer.status_code == 403
    assert (await person.http.get("/apps")).status_code == 302


@pytest.mark.parametrize(
    "wanted",
    [
        "https://evil.example",
        "//evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/\t/evil.example",
        "javascript:alert(1)",
        "apps",
        "",
    ],
)
async def test_nobody_is_sent_to_another_site_after_logging_in(person, wanted):
    assert (await person.log_in(to=wanted)).headers["location"] == "/memories"


async def test_a_hash_of_older_parameters_is_replaced_at_login(person, auth, ada):
    old = PasswordHasher(time_cost=2, memory_cost=8, parallelism=1).hash(PASSWORD)
    async with auth.db.write() as connection:
        await set_password(connection, ada.id, old)
    await person.log_in()
    async with auth.db.read() as connection:
        user = await find_user(connection, "ada")
    assert user is not None
    assert user.password_hash != old
    assert (await person.log_in()).status_code == 302


async def test_a_broken_hash_and_a_huge_password_are_just_wrong(person, auth, ada):
    assert (await person.log_in(password="x" * 50_000)).status_code == 400
    async with auth.db.write() as connection:
        await set_password(connection, ada.id, "not a hash")
    assert (await person.log_in()).status_code == 400


@pytest.mark.usefixtures("ada")
async def test_on_https_the_cookie_is_secure_and_bound_to_the_host(make_server, make_browser):
    secure = make_server(public_url="https://loci.example")
    async with make_browser(server=secure) as http:
        cookie = (await http.get("/login")).headers["set-cookie"]
        assert cookie.startswith("__Host-loci=")
        assert "Secure" in cookie
        assert "Domain" not in cookie
        assert (await Flow(http, secure.issuer).log_in()).status_code == 302
        assert (await http.get("/apps")).status_code == 200


async def test_a_cookie_that_we_did_not_make_is_replaced(make_browser):
    async with make_browser(cookies={"loci": "x' OR 1=1"}) as http:
        assert "loci=" in (await http.get("/login")).headers["set-cookie"]


async def test_a_page_with_a_repeated_parameter_is_refused_with_a_page(person):
    assert (await person.http.get("/login?next=/a&next=/b")).status_code == 400
    assert (await person.http.post("/logout", json={})).status_code == 400
    assert (await person.http.get("/login?next=%ff")).status_code == 400


@pytest.mark.parametrize("path", ["/login", "/logout", "/signup", "/oauth/authorize", "/apps"])
async def test_a_form_token_that_is_not_ascii_is_just_wrong(person, path):
    assert (await person.log_in()).status_code == 302
    assert (await person.http.post(path, data={"csrf": "\u00e9"})).status_code == 403


async def test_a_parameter_with_a_nul_is_refused_before_a_database_sees_it(person):
    for path, data in (("/login", {"username": "\0"}), ("/oauth/token", {"client_id": "\0", "grant_type": "x"})):
        assert (await person.http.post(path, data=data)).status_code == 400
    assert (await person.http.get("/oauth/authorize", params={"client_id": "\0"})).status_code == 400
