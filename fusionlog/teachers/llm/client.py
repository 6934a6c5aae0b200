"""The HTTP client of an OpenAI-compatible endpoint: one POST, a bounded body, no redirect to another host."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, urlsplit, urlunsplit

import httpx2
import openai

from fusionlog.errors import FusionLogError, SettingError
from fusionlog.settings import LabelSettings, SecretUrl

MAX_BODY_BYTES = 4 * 1024 * 1024
"""Twenty of the largest units need 400,000 characters; each may take seven bytes as an escape in a text of JSON."""
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
    """Posts requests to the endpoint in the settings, by OpenAI's client.

    :raises SettingError: the URL is not valid.
    """

    def __init__(self, settings: LabelSettings) -> None:
        self._settings = settings
        parts = _split(settings.url)
        self.place = _place(parts)
        path = parts.path.rstrip("/")
        path = path if path.endswith(PATH) else f"{path}{PATH}"
        self._url = httpx2.URL(urlunsplit((parts.scheme, parts.netloc, path, parts.query, "")))
        # The key is the setting's or none: one that lies in OPENAI_API_KEY must not go to whatever URL is configured.
        key = settings.api_key.get_secret_value() if settings.api_key else None
        self._client = openai.AsyncOpenAI(
            base_url=self._url.copy_with(query=None), api_key=key or "none", organization="", project="",
            timeout=settings.timeout, max_retries=0, default_headers=_headers(self._url.host, key),
            http_client=openai.DefaultAsyncHttpxClient(follow_redirects=False, event_hooks={"response": [_bound]}),
        )  # fmt: skip

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
        except (TimeoutError, openai.APITimeoutError) as error:
            raise NoResponseError("timeout", f"gives no answer within {self._settings.timeout:g} s") from error
        except openai.APIConnectionError as error:
            if isinstance(error.__cause__, NoResponseError):
                raise error.__cause__ from None
            raise NoResponseError("unreachable", f"cannot be reached ({_name(error)})") from error
        if response.status in _REDIRECTS:
            raise NoResponseError("failed", f"answers {response.status}: it redirects in a circle")
        return response

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def _post(self, url: httpx2.URL, body: bytes) -> Response:
        """The response of whatever status: OpenAI's client raises one that is no success."""
        try:
            found = await self._client.post(str(url), cast_to=httpx2.Response, content=body)
        except openai.APIStatusError as error:
            found = error.response
        return Response(found.status_code, found.headers, found.content)

    def _target(self, response: Response) -> httpx2.URL:
        """The URL of a redirect.

        :raises NoResponseError: it is on another host, or none.
        """
        try:
            target = self._url.join(response.headers.get("Location", ""))
        except (httpx2.InvalidURL, ValueError):
            target = httpx2.URL("")
        if _origin(target) != _origin(self._url):
            elsewhere = f" to {target.host}" if target.host else ""
            raise NoResponseError(
                "denied", f"answers {response.status}, a redirect{elsewhere}: name its target in FUSIONLOG_LABEL__URL"
            )
        return target


class _Bounded(httpx2.AsyncByteStream):
    """The body of a response, up to `MAX_BODY_BYTES`."""

    def __init__(self, stream: httpx2.AsyncByteStream, status: int) -> None:
        self._stream, self._status = stream, status

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        async for chunk in self._stream:
            size += len(chunk)
            if size > MAX_BODY_BYTES:
                raise NoResponseError("failed", f"answers {self._status} with more than {MAX_BODY_BYTES} bytes")
            yield chunk

    async def aclose(self) -> None:
        """Close the connection."""
        await self._stream.aclose()


async def _bound(response: httpx2.Response) -> None:
    """Bound the body of a response before it is read. A compressed one has no bound, and is not asked for."""
    if response.headers.get("Content-Encoding", "identity") != "identity":
        raise NoResponseError("failed", f"answers {response.status_code}, compressed though that is not accepted")
    if isinstance(response.stream, httpx2.AsyncByteStream):
        response.stream = _Bounded(response.stream, response.status_code)


def _headers(host: str, key: str | None) -> dict[str, str]:
    """The headers beside OpenAI's: Azure has its key in one of its own."""
    headers = {"Content-Type": "application/json", "Accept": "application/json", "Accept-Encoding": "identity"}
    return {**headers, "api-key": key} if host.endswith(".azure.com") and key is not None else headers


def _name(error: Exception) -> str:
    return type(error.__cause__ or error).__name__


def _origin(url: httpx2.URL) -> tuple[str, str | None, int | None]:
    return url.scheme, url.host, url.port


def _split(url: SecretUrl | None) -> SplitResult:
    """The parts of the URL in the settings.

    :raises SettingError: it is not valid.
    """
    shown = None if url is None else str(url)
    try:
        parts = urlsplit("" if url is None else url.get_secret_value())
        _ = parts.port
    except ValueError:  # its message would have a part of a login
        raise SettingError("FUSIONLOG_LABEL__URL", shown, "not a URL: it must be like https://host:port/v1") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise SettingError("FUSIONLOG_LABEL__URL", shown, "must be like http://127.0.0.1:8089/v1 or https://host/v1")
    return parts


def _place(parts: SplitResult) -> str:
    """The endpoint's name in messages: scheme, host and port, without login, path or query."""
    port = f":{parts.port}" if parts.port else ""
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"{parts.scheme}://{host}{port}"
