"""The HTTP client of an OpenAI-compatible endpoint: one POST, a bounded body, no redirect to another host."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, urlsplit, urlunsplit

import aiohttp
from yarl import URL

from fusionlog.errors import FusionLogError, SettingError
from fusionlog.settings import LabelSettings

MAX_BODY_BYTES = 4 * 1024 * 1024
"""Twenty of the largest units need 400,000 characters; each may take seven bytes as an escape in a text of JSON."""
CHUNK_BYTES = 64 * 1024
PATH = "/chat/completions"
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


class NoResponseError(FusionLogError):
    """There is no response that can be read; the message continues a sentence.

    :param outcome: the label of the metrics: timeout, unreachable, failed; denied where the operator must act.
    """

    def __init__(self, outcome: str, problem: str) -> None:
        self.outcome = outcome
        super().__init__(problem)


@dataclass(frozen=True)
class Response:
    """A status, the headers, and the body, of an error its beginning alone."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Client:
    """Posts requests to the endpoint in the settings.

    :raises SettingError: the URL is not valid.
    """

    def __init__(self, settings: LabelSettings) -> None:
        self._settings = settings
        parts = _split(settings.url)
        self.place = _place(parts)
        path = parts.path.rstrip("/")
        path = path if path.endswith(PATH) else f"{path}{PATH}"
        self._url = URL(urlunsplit((parts.scheme, parts.netloc, path, parts.query, "")), encoded=True)
        self._session: aiohttp.ClientSession | None = None

    async def post(self, fields: dict[str, Any]) -> Response:
        """The response to a request; a redirect is followed once, on the same host.

        :raises NoResponseError: none within the timeout, none at all, one that is too long, or a redirect elsewhere.
        """
        body = json.dumps({"model": self._settings.model, **fields}).encode()
        try:
            async with asyncio.timeout(self._settings.timeout):
                response = await self._post(self._url, body)
                if response.status in _REDIRECTS:
                    response = await self._post(self._target(response), body)
        except TimeoutError as error:
            raise NoResponseError("timeout", f"gives no answer within {self._settings.timeout:g} s") from error
        except (aiohttp.ClientError, aiohttp.http_exceptions.HttpProcessingError, OSError, ValueError) as error:
            raise NoResponseError("unreachable", f"cannot be reached ({type(error).__name__})") from error
        if response.status in _REDIRECTS:
            raise NoResponseError("failed", f"answers {response.status}: it redirects in a circle")
        return response

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()

    async def _post(self, url: URL, body: bytes) -> Response:
        async with self._connected().post(url, data=body, headers=self._headers(), allow_redirects=False) as response:
            chunks, size = [], 0
            async for chunk in response.content.iter_chunked(CHUNK_BYTES):
                chunks.append(chunk)
                size += len(chunk)
                if size > MAX_BODY_BYTES:
                    raise NoResponseError("failed", f"answers {response.status} with more than {MAX_BODY_BYTES} bytes")
            return Response(response.status, response.headers, b"".join(chunks))

    def _connected(self) -> aiohttp.ClientSession:
        """The session; it belongs to the event loop that is running when it is made."""
        if self._session is None or self._session.closed:
            self._session = aiohttp.ClientSession(
                cookie_jar=aiohttp.DummyCookieJar(), trust_env=True, timeout=aiohttp.ClientTimeout(total=None)
            )
        return self._session

    def _headers(self) -> dict[str, str]:
        """The headers, with the setting's key or none: OPENAI_API_KEY must not go to whatever URL is configured."""
        headers = {"Content-Type": "application/json", "Accept": "application/json", "Accept-Encoding": "identity"}
        key = self._settings.api_key.get_secret_value() if self._settings.api_key else None
        if (self._url.host or "").endswith(".azure.com") and key is not None:
            headers["api-key"] = key
        if self._url.user is None:
            headers["Authorization"] = f"Bearer {key or 'none'}"
        return headers

    def _target(self, response: Response) -> URL:
        """The URL of a redirect.

        :raises NoResponseError: it is on another host, or none.
        """
        try:
            target = self._url.join(URL(response.headers.get("Location", "")))
        except ValueError:
            target = URL()
        if _origin(target) != _origin(self._url):
            elsewhere = f" to {target.host}" if target.host else ""
            raise NoResponseError(
                "denied", f"answers {response.status}, a redirect{elsewhere}: name its target in FUSIONLOG_LABEL__URL"
            )
        return target


def _origin(url: URL) -> tuple[str, str | None, int | None]:
    return url.scheme, url.host, url.port


def _split(url: str | None) -> SplitResult:
    """The parts of the URL in the settings.

    :raises SettingError: it is not valid.
    """
    try:
        parts = urlsplit(url or "")
        _ = parts.port
    except ValueError as error:
        raise SettingError("FUSIONLOG_LABEL__URL", url, f"not a URL: {error}") from error
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise SettingError("FUSIONLOG_LABEL__URL", url, "must be like http://127.0.0.1:8089/v1 or https://host/v1")
    return parts


def _place(parts: SplitResult) -> str:
    """The endpoint's name in messages: scheme, host and port, without login, path or query."""
    port = f":{parts.port}" if parts.port else ""
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"{parts.scheme}://{host}{port}"
