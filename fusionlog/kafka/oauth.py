"""Tokens of OAUTHBEARER: client credentials (RFC 6749, 4.4) at the token endpoint of the settings."""

from __future__ import annotations

import asyncio
import base64
import json
import ssl
import threading
import time
from collections.abc import Mapping
from functools import lru_cache
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlencode, urlsplit
from urllib.request import HTTPRedirectHandler, HTTPSHandler, Request, build_opener

from aiokafka.abc import AbstractTokenProvider
from aiokafka.errors import KafkaError

from fusionlog.errors import SettingError
from fusionlog.settings import KafkaSettings
from fusionlog.types import Clock

TIMEOUT_SECONDS = 10.0
LIFETIME_SECONDS = 300.0
"""Of a token whose answer has no `expires_in`."""
USED_SHARE = 0.8
"""Of a token's lifetime: then a new one is requested."""
MOST_BYTES = 1024 * 1024
DENIED = frozenset({400, 401, 403})


class TokenError(KafkaError):  # type: ignore[misc]
    """There is no token. A `KafkaError`, so that aiokafka takes it for a failed connection and tries again.

    :param denied: the endpoint refuses this client; waiting does not help.
    """

    def __init__(self, problem: str, denied: bool = False) -> None:
        self.denied = denied
        super().__init__(problem)

    def __str__(self) -> str:
        return str(self.args[0])


class TokenProvider(AbstractTokenProvider):  # type: ignore[misc]
    """A token for all connections of this process, of whatever thread and loop; renewed before it expires."""

    def __init__(self, kafka: KafkaSettings, clock: Clock = time.monotonic) -> None:
        self._kafka, self._clock = kafka, clock
        self._lock = threading.Lock()
        self._token, self._until = "", float("-inf")

    async def token(self) -> str:
        """A token that is valid now.

        :raises TokenError: the endpoint gives none.
        """
        return await asyncio.to_thread(self._current)

    def _current(self) -> str:
        with self._lock:
            if self._clock() >= self._until:
                self._token, seconds = request_token(self._kafka)
                self._until = self._clock() + seconds * USED_SHARE
            return self._token


@lru_cache(maxsize=8)
def provider(kafka: KafkaSettings) -> TokenProvider:
    """The provider of these settings: one for all clients.

    :raises SettingError: the endpoint's URL is none.
    """
    assert kafka.oauth_url is not None
    try:
        parts = urlsplit(kafka.oauth_url.get_secret_value())
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
        good = good and parts.username is None
    except ValueError:
        good = False
    if not good:
        raise SettingError(
            "FUSIONLOG_KAFKA__OAUTH_URL", str(kafka.oauth_url),
            "must be like https://host/token; id and secret are FUSIONLOG_KAFKA__OAUTH_CLIENT_ID and _CLIENT_SECRET",
        )  # fmt: skip
    return TokenProvider(kafka)


def request_token(kafka: KafkaSettings) -> tuple[str, float]:
    """A new token, and the seconds that it is valid.

    :raises TokenError: the endpoint gives none.
    """
    place = f"the token endpoint {kafka.oauth_url}"
    try:
        with _opener(kafka).open(_request(kafka), timeout=TIMEOUT_SECONDS) as answer:
            body = answer.read(MOST_BYTES)
    except HTTPError as error:
        with error:
            raise _refused(kafka, place, error) from None
    except (OSError, HTTPException) as error:
        raise _unreached(place, error) from None
    return _token(place, body)


class _NoRedirect(HTTPRedirectHandler):
    """Follows no redirect: the client secret goes to the configured host alone."""

    def redirect_request(self, *_: Any) -> None:
        return None


def _opener(kafka: KafkaSettings) -> Any:
    context = ssl.create_default_context()
    if kafka.ssl_cafile is not None:
        context.load_verify_locations(kafka.ssl_cafile)
    return build_opener(_NoRedirect, HTTPSHandler(context=context))


def _request(kafka: KafkaSettings) -> Request:
    assert kafka.oauth_url and kafka.oauth_client_id and kafka.oauth_client_secret
    fields = {"grant_type": "client_credentials", **({"scope": kafka.oauth_scope} if kafka.oauth_scope else {})}
    # RFC 6749, 2.3.1: id and secret are form-encoded before they are joined.
    pair = f"{quote(kafka.oauth_client_id, safe='')}:{quote(kafka.oauth_client_secret.get_secret_value(), safe='')}"
    headers = {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}", "Accept": "application/json"}
    return Request(kafka.oauth_url.get_secret_value(), urlencode(fields).encode(), headers, method="POST")


def _refused(kafka: KafkaSettings, place: str, error: HTTPError) -> TokenError:
    code = _object(error.read(MOST_BYTES)).get("error")
    why = f"{error.code} {code}" if isinstance(code, str) else str(error.code)
    if error.code not in DENIED:
        return TokenError(f"{place} answers {why}")
    return TokenError(
        f"{place} refuses client {kafka.oauth_client_id!r} ({why}): set FUSIONLOG_KAFKA__OAUTH_CLIENT_ID and "
        "FUSIONLOG_KAFKA__OAUTH_CLIENT_SECRET" + (", or FUSIONLOG_KAFKA__OAUTH_SCOPE" if kafka.oauth_scope else ""),
        denied=True,
    )


def _unreached(place: str, error: OSError | HTTPException) -> TokenError:
    cause = error.reason if isinstance(error, URLError) else error
    if isinstance(cause, ssl.SSLCertVerificationError):
        return TokenError(
            f"the certificate of {place} was not accepted ({cause.verify_message}): set FUSIONLOG_KAFKA__SSL_CAFILE to "
            "a PEM file that has its authority as well",
            denied=True,
        )
    if isinstance(cause, TimeoutError):
        return TokenError(f"{place} gives no answer within {TIMEOUT_SECONDS:g} s")
    return TokenError(f"{place} cannot be reached ({getattr(cause, 'strerror', None) or type(cause).__name__})")


def _token(place: str, body: bytes) -> tuple[str, float]:
    answer = _object(body)
    token, seconds = answer.get("access_token"), answer.get("expires_in", LIFETIME_SECONDS)
    if not isinstance(token, str) or not token or not token.isascii() or not token.isprintable():
        raise TokenError(f"{place} answers without an access_token: set FUSIONLOG_KAFKA__OAUTH_URL", denied=True)
    try:
        return token, max(float(seconds), 0.0)
    except (TypeError, ValueError):
        return token, LIFETIME_SECONDS


def _object(body: bytes) -> Mapping[str, Any]:
    """The JSON object of an answer; an empty one where it is none."""
    try:
        found = json.loads(body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
