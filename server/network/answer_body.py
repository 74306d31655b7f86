"""Reading the body of another server's answer, within a bound: one without an end would take all memory."""

import httpx


class AnswerTooLarge(ValueError):  # noqa: N818 - it names the answer
    """An answer has more bytes than the bound."""


async def read_body(answer: httpx.Response, most_bytes: int) -> bytes:
    """Return the body of a streamed answer.

    Raises:
        AnswerTooLarge: it has more bytes.
        httpx.HTTPError: it breaks off.
    """
    body = bytearray()
    async for piece in answer.aiter_bytes():
        body += piece
        if len(body) > most_bytes:
            raise AnswerTooLarge(f"more than {most_bytes} bytes")
    return bytes(body)
