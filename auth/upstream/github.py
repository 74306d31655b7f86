"""Login at GitHub, which is no OpenID provider: the code becomes an access token, and its API says whose it is."""

from collections.abc import Mapping
from urllib.parse import quote

from auth.fetching import UnusableAnswerError
from auth.issuers.connections import Connections
from auth.upstream.provider import AllowList, ExternalPerson, Provider

AUTHORIZE_URL = "https://github.com/login/oauth/authorize"
TOKEN_URL = "https://github.com/login/oauth/access_token"  # noqa: S105 - a URL
API_URL = "https://api.github.com"


class GitHubClient:
    """This server as a client of GitHub."""

    def __init__(self, provider: Provider, allow_list: AllowList, connections: Connections) -> None:
        self._provider = provider
        self._connections = connections
        self._organizations = sorted(allow_list.groups.get(provider.id, ()))

    async def close(self) -> None:
        """Nothing is ever under way."""

    async def find_authorization_endpoint(self) -> str:
        """Return the URL at which people log in."""
        return AUTHORIZE_URL

    async def names_itself(self) -> bool:
        """Whether GitHub's answers always have the parameter `iss`: it does not promise that."""
        return False

    async def identify(self, form: Mapping[str, str], nonce: str) -> ExternalPerson:  # noqa: ARG002 - for ID tokens
        """Return the person for whom GitHub issued the code of a form. A login can be renamed; the number stays.

        Raises:
            UnusableAnswerError: GitHub's answer cannot be used.
            httpx.HTTPError: GitHub does not answer.
        """
        secrets = {"client_id": self._provider.client_id, "client_secret": self._provider.client_secret}
        form = {**form, **secrets}
        fetch = self._connections.fetch_answer
        tokens = await fetch(TOKEN_URL, subject="answer to the code", headers={}, form=form)
        access_token = tokens.get("access_token")
        if not isinstance(access_token, str) or not access_token:
            raise UnusableAnswerError("It refused the code.")
        headers = {"authorization": f"Bearer {access_token}", "x-github-api-version": "2022-11-28"}
        user = await fetch(f"{API_URL}/user", subject="user", headers=headers)
        number, login = user.get("id"), user.get("login")
        if not isinstance(number, int) or isinstance(number, bool) or number <= 0:
            raise UnusableAnswerError("Its user has no number.")
        groups = [each for each in self._organizations if await self._is_member(each, headers)]
        name = login if isinstance(login, str) else ""
        return ExternalPerson(self._provider.issuer, str(number), name, "", frozenset(groups))

    async def _is_member(self, organization: str, headers: Mapping[str, str]) -> bool:
        url = f"{API_URL}/user/memberships/orgs/{quote(organization, safe='')}"
        try:
            membership = await self._connections.fetch_answer(url, subject="membership", headers=headers)
        except UnusableAnswerError:  # 404 or 403: no member, or the organization hides it from this app
            return False
        return membership.get("state") == "active"
