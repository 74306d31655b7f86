"""A person in the console: logged in, and with the forms of its pages."""

from server.store.record.people.accounts import set_password
from tests.helpers.logins.flow import PASSWORD, Flow


async def log_in(site, person):
    """An HTTP client that is logged in as a person."""
    hashed = await site.running.auth.passwords.hash(PASSWORD)
    async with site.services.db.write() as connection:
        await set_password(connection, person.user_id, hashed)
    flow = Flow(site.client(), site.url)
    assert (await flow.log_in(person.name)).status_code == 302
    return flow.http


async def read_csrf(http, path):
    """Return the token of the forms of a page."""
    page = (await http.get(path)).text
    return page.split('name="csrf" value="')[1].split('"')[0]


async def send(http, path, *, page=None, **form):
    """Send a form to a path, as a button of the page does: of the path itself, unless another is named."""
    return await http.post(path, data={"csrf": await read_csrf(http, page or path), **form})
