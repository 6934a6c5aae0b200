"""The delivery of requests by HTTP: one POST, no redirect, an answer of which the beginning is read."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
import time
from dataclasses import dataclass
from typing import Literal

import httpx2

from fusionlog.errors import SettingError
from fusionlog.incidents.notifications.messages import Request
from fusionlog.settings import Target
from fusionlog.utils.redaction import redact
from fusionlog.utils.retry_after import retry_after

MAX_ANSWER_BYTES = 2_000
MAX_ANSWER_CHARS = 200
REFUSALS = frozenset({400, 413, 422})
"""The statuses by which a target refuses what it was sent; any other one that is no success may be over later."""


@dataclass(frozen=True)
class Answer:
    """What became of a request.

    `delivered`: the target accepted it; `refused`: it accepts it never; `failed`: not now. `why` continues a sentence;
    `asked` is for how many seconds it asks to be left alone.
    """

    outcome: Literal["delivered", "refused", "failed"]
    why: str = ""
    asked: float | None = None


class Delivery:
    """The HTTP client of a target. No message that it makes has the URL's path or a secret.

    :raises SettingError: the file of certificate authorities cannot be used.
    """

    def __init__(self, target: Target) -> None:
        self._target = target
        self._client = httpx2.AsyncClient(
            timeout=target.settings.timeout, follow_redirects=False, verify=_context(target),
            headers={"User-Agent": "fusionlog", "Accept-Encoding": "identity"},
        )  # fmt: skip

    async def post(self, request: Request) -> Answer:
        """Send a request."""
        place = self._target.place
        try:
            async with (
                asyncio.timeout(self._target.settings.timeout),
                self._client.stream(
                    "POST", request.url, content=request.body, headers=dict(request.headers)
                ) as response,
            ):
                return Answer("delivered") if response.is_success else await self._refusal(response)
        except (TimeoutError, httpx2.TimeoutException):
            return Answer("failed", f"{place} gives no answer within {self._target.settings.timeout:g} s")
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
            return Answer("failed", f"{place} cannot be reached ({_reason(error)})")

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def _refusal(self, response: httpx2.Response) -> Answer:
        status, body = response.status_code, await _beginning(response)
        shown = f"{self._target.place} answers {status}" + (f": {body}" if body else "")
        if response.is_redirect:
            shown += ", a redirect, which is not followed: name its target as the URL"
        if status in REFUSALS:
            return Answer("refused", shown)
        return Answer("failed", shown, retry_after(response.headers, time.time()))


async def _beginning(response: httpx2.Response) -> str:
    """The beginning of an answer as a line of text that may be logged."""
    found = b""
    async for chunk in response.aiter_bytes():
        found += chunk
        if len(found) >= MAX_ANSWER_BYTES:
            break
    text = " ".join(found[:MAX_ANSWER_BYTES].decode("utf-8", "replace").split())
    return redact("".join(each for each in text if each.isprintable()))[:MAX_ANSWER_CHARS]


def _context(target: Target) -> ssl.SSLContext:
    context = ssl.create_default_context()
    path = target.settings.ca_file
    if path is not None:
        try:
            context.load_verify_locations(path)
        except (OSError, ssl.SSLError) as error:
            why = getattr(error, "strerror", None) or "it is no PEM file of certificates"
            raise SettingError(f"{target.name}.ca_file", str(path), f"cannot be used ({why})") from None
    return context


def _reason(error: BaseException) -> str:
    """The innermost cause of a failure in words; it has no URL."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, ssl.SSLCertVerificationError):
            return f"its certificate is not accepted: {seen.verify_message}; set ca_file"
        if isinstance(seen, socket.gaierror):
            return str(seen.strerror)
        if isinstance(seen, OSError) and seen.errno:
            return os.strerror(seen.errno)
        seen = seen.__cause__ or seen.__context__
    return type(error).__name__
