"""A person without a screen: fills in the forms of our pages and presses their buttons, over plain HTTP."""

import ssl
from html.parser import HTMLParser

import httpx


class _Form(HTMLParser):
    """The first form of a page: where it goes, and its inputs and buttons."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.action: str | None = None
        self.inputs: list[dict[str, str | None]] = []
        self._has_ended = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "form" and self.action is None:
            self.action = given.get("action") or ""
        elif tag in {"input", "button"} and not self._has_ended:
            self.inputs.append({"type": "submit" if tag == "button" else "text", **given})

    def handle_endtag(self, tag: str) -> None:
        self._has_ended = self._has_ended or tag == "form"


def fill_form(page: str, values: dict[str, str], button: str) -> dict[str, list[str]]:
    """Return the fields that a browser would send: hidden inputs, checked boxes, typed texts, and this button."""
    fields: dict[str, list[str]] = {name: [value] for name, value in values.items()}
    for each in _Form(page).inputs:
        kind, name, value = each.get("type"), each.get("name"), each.get("value") or ""
        is_sent = (
            kind == "hidden" or (kind == "checkbox" and "checked" in each) or (kind == "submit" and value == button)
        )
        if name and is_sent:
            fields.setdefault(name, []).append(value)
    return fields


def find_target(page: httpx.Response) -> httpx.URL:
    """Return the address of the page's form."""
    return page.url.join(_Form(page.text).action or "")


async def authorize(url: str, name: str, password: str, *, verify: ssl.SSLContext | bool = True) -> httpx.URL:
    """Log in and consent in a fresh browser; the redirect back to the client, which is not followed."""
    async with httpx.AsyncClient(timeout=30, verify=verify) as browser:

        async def follow(page: httpx.Response) -> httpx.Response:
            while page.is_redirect and page.next_request is not None and page.next_request.url.host == page.url.host:
                if page.next_request.url.port != page.url.port:
                    break
                page = await browser.send(page.next_request)
            return page

        page = await follow(await browser.get(url))
        form = fill_form(page.text, {"username": name, "password": password}, "login")
        page = await follow(await browser.post(find_target(page), data=form))
        answer = await browser.post(find_target(page), data=fill_form(page.text, {}, "allow"))
        if not answer.is_redirect:
            raise AssertionError(f"no consent: {answer.status_code} {answer.text}")
        return httpx.URL(answer.headers["location"])
