"""The audit of an account, as its owner reads it."""

from tests.helpers.doors import call_rest


async def read_audit(who, filters=None):
    """The entries of somebody's audit, oldest first, without the reading of the audit itself."""
    answer = await call_rest(who, "list_audit", filters or {})
    assert answer.error is None, answer.text
    return [each for each in reversed(answer.body["audit"]) if each["operation"] != "list_audit"]


async def settle(site):
    """Write what waits, as the loop does each second."""
    await site.services.audit.settle()
