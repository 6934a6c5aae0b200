"""Tokens from a token endpoint: one for all until it is old; what fails is a sentence, and shows no secret."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import SecretStr

from fusionlog.kafka import failures
from fusionlog.kafka.oauth import TokenError, TokenProvider, provider
from fusionlog.settings import KafkaSettings, SecretUrl
from tests.brokers import free_ports
from tests.kafka.token_endpoint import TokenEndpoint, token_endpoint


@pytest.fixture
def endpoint() -> Iterator[TokenEndpoint]:
    with token_endpoint() as found:
        yield found


def of(endpoint: TokenEndpoint, **fields: Any) -> KafkaSettings:
    found = KafkaSettings(
        sasl_mechanism="OAUTHBEARER", oauth_url=SecretUrl(endpoint.url), oauth_client_id=endpoint.CLIENT,
        oauth_client_secret=SecretStr(endpoint.SECRET),
    )  # fmt: skip
    return found.model_copy(update=fields)


async def test_a_token_is_requested_again_before_it_expires(endpoint: TokenEndpoint) -> None:
    now, endpoint.seconds = [1000.0], 100.0
    tokens = TokenProvider(of(endpoint), lambda: now[0])
    first = await tokens.token()
    now[0] += 79.0
    assert await tokens.token() == first and len(endpoint.requests) == 1
    now[0] += 2.0
    await tokens.token()
    assert len(endpoint.requests) == 2


def test_clients_of_the_same_settings_share_a_provider(endpoint: TokenEndpoint) -> None:
    assert provider(of(endpoint)) is provider(of(endpoint))
    assert provider(of(endpoint)) is not provider(of(endpoint, oauth_client_secret=SecretStr("other")))


@pytest.mark.parametrize(
    ("status", "answer", "words", "denied"),
    [
        (400, b'{"error": "invalid_scope"}', "(400 invalid_scope): set", True),
        (403, b"<html>", "(403): set FUSIONLOG_KAFKA__OAUTH_CLIENT_ID", True),
        (503, b"", "answers 503", False),
        (307, b"", "answers 307", False),
        (200, b"<html>", "without an access_token", True),
        (200, b'{"access_token": 7}', "without an access_token", True),
        (200, b'{"access_token": "a\\u0001b"}', "without an access_token", True),
        (200, b"[]", "without an access_token", True),
    ],
)
async def test_an_endpoint_without_a_token_is_one_sentence(
    endpoint: TokenEndpoint, status: int, answer: bytes, words: str, denied: bool
) -> None:
    endpoint.status, endpoint.answer = status, answer
    kafka = of(endpoint)
    with pytest.raises(TokenError) as raised:
        await TokenProvider(kafka).token()
    assert words in str(raised.value) and endpoint.url in str(raised.value)
    assert endpoint.SECRET not in str(raised.value)
    assert (failures.refusal(raised.value, kafka) is not None) == denied


@pytest.mark.parametrize("seconds", ['"soon"', "null", "[]"])
async def test_a_lifetime_that_is_no_number_is_five_minutes(endpoint: TokenEndpoint, seconds: str) -> None:
    endpoint.answer, now = f'{{"access_token": "a", "expires_in": {seconds}}}'.encode(), [0.0]
    tokens = TokenProvider(of(endpoint), lambda: now[0])
    assert await tokens.token() == "a"
    now[0] = 239.0
    await tokens.token()
    assert len(endpoint.requests) == 1


async def test_an_endpoint_that_is_away_is_no_refusal(endpoint: TokenEndpoint) -> None:
    kafka = of(endpoint, oauth_url=SecretUrl(f"http://127.0.0.1:{free_ports(1)[0]}/token"))
    with pytest.raises(TokenError, match="cannot be reached") as raised:
        await TokenProvider(kafka).token()
    assert failures.refusal(raised.value, kafka) is None
