"""Clients of a secured Apache Kafka: each way to log in works, and each thing that is wrong has its own sentence."""

from __future__ import annotations

import datetime
import gc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fusionlog.errors import BrokerRefusedError, FusionLogError
from fusionlog.kafka.client import partition_counts, reach
from fusionlog.settings import KafkaSettings
from tests.certificates import Authority
from tests.kafka.secure_broker import PASSWORD, USER, SecureKafka
from tests.kafka.token_endpoint import TokenEndpoint, token_endpoint

# aiokafka does not wait for the end of a connection that was refused.
pytestmark = [pytest.mark.kafka, pytest.mark.filterwarnings("ignore::ResourceWarning")]

LOGIN = {"sasl_username": USER, "sasl_password": PASSWORD}
Case = Callable[[SecureKafka, Path], KafkaSettings]


@pytest.fixture
def broker(secure_kafka: SecureKafka) -> SecureKafka:
    return secure_kafka


@pytest.fixture(autouse=True)
def collected() -> Iterator[None]:
    """Connections that aiokafka left open are collected here, where that is no error, and in no later test."""
    yield
    gc.collect()


@pytest.fixture
def endpoint() -> Iterator[TokenEndpoint]:
    with token_endpoint() as found:
        yield found


def with_token(broker: SecureKafka, endpoint: TokenEndpoint, **fields: Any) -> KafkaSettings:
    return broker.secured(
        "LOGIN", sasl_mechanism="OAUTHBEARER",
        **{
            "oauth_url": endpoint.url, "oauth_client_id": endpoint.CLIENT, "oauth_client_secret": endpoint.SECRET,
            **fields,
        },
    )  # fmt: skip


def certified(broker: SecureKafka, authority: Authority, **fields: Any) -> KafkaSettings:
    certificate, key = authority.issue("client", **fields)
    return broker.secured("MUTUAL", ssl_certfile=certificate, ssl_keyfile=key, ssl_key_password=fields.get("password"))


def on_port(broker: SecureKafka, listener: str | None, **fields: Any) -> KafkaSettings:
    port = broker.port if listener is None else broker.ports[listener]
    return KafkaSettings(bootstrap_servers=f"127.0.0.1:{port}", ssl_cafile=broker.authority.file, **fields)


WORKING: dict[str, Case] = {
    "plain": lambda broker, _: broker.secured("LOGIN", **LOGIN),
    "plain without TLS": lambda broker, _: broker.secured("CLEAR", **LOGIN),
    "scram 256": lambda broker, _: broker.secured("LOGIN", sasl_mechanism="SCRAM-SHA-256", **LOGIN),
    "scram 512": lambda broker, _: broker.secured("LOGIN", sasl_mechanism="SCRAM-SHA-512", **LOGIN),
    "mutual TLS": lambda broker, _: certified(broker, broker.authority),
    "mutual TLS, encrypted key": lambda broker, _: certified(broker, broker.authority, password="hush"),
}


@pytest.mark.parametrize("name", WORKING)
async def test_each_way_to_log_in_works(broker: SecureKafka, tmp_path: Path, name: str) -> None:
    assert isinstance(await partition_counts(WORKING[name](broker, tmp_path)), dict)


REFUSED: dict[str, tuple[Case, list[str]]] = {
    "wrong password": (
        lambda broker, _: broker.secured("LOGIN", sasl_username=USER, sasl_password="wrong-1f"),
        ["the login of user 'me' was refused", "Invalid username or password", "KAFKA__SASL_PASSWORD"],
    ),
    "wrong password of SCRAM": (
        lambda broker, _: broker.secured(
            "LOGIN", sasl_mechanism="SCRAM-SHA-512", sasl_username=USER, sasl_password="wrong-1f"
        ),
        ["the login of user 'me' was refused", "KAFKA__SASL_PASSWORD"],
    ),
    "missing password": (
        lambda broker, _: broker.secured("LOGIN", sasl_username=USER),
        ["KAFKA__SASL_PASSWORD is None", "a login by PLAIN needs it", "KAFKA__SASL_PASSWORD_FILE"],
    ),
    "missing user": (
        lambda broker, _: broker.secured("CLEAR", sasl_password="wrong-1f"),
        ["KAFKA__SASL_USERNAME is None", "a login by PLAIN needs it"],
    ),
    "a mechanism that the listener has not": (
        lambda broker, _: broker.secured("PLAIN", sasl_mechanism="SCRAM-SHA-512", **LOGIN),
        ["SASL mechanism SCRAM-SHA-512 is not accepted", "KAFKA__SASL_MECHANISM"],
    ),
    "wrong authority": (
        lambda broker, path: broker.secured("LOGIN", ssl_cafile=Authority(path, "other").file, **LOGIN),
        ["signed by an authority that", "other.pem does not have", "KAFKA__SSL_CAFILE"],
    ),
    "no authority": (
        lambda broker, _: broker.secured("LOGIN", ssl_cafile=None, **LOGIN),
        ["signed by an authority that this system does not have", "KAFKA__SSL_CAFILE"],
    ),
    "expired certificate": (
        lambda broker, _: broker.secured("EXPIRED"),
        ["its TLS certificate has expired", "renew it at the broker"],
    ),
    "another host's certificate": (
        lambda broker, _: broker.secured("ELSEWHERE"),
        ["its TLS certificate is one of another host", "127.0.0.1", "KAFKA__BOOTSTRAP_SERVERS"],
    ),
    "a client without TLS on a TLS port": (
        lambda broker, _: on_port(broker, "EXPIRED"),
        ["the port uses TLS", "KAFKA__SECURITY_PROTOCOL to SSL, or SASL_SSL", "it is PLAINTEXT"],
    ),
    "a login without TLS on a TLS port": (
        lambda broker, _: on_port(broker, "LOGIN", security_protocol="SASL_PLAINTEXT", **LOGIN),
        ["the port uses TLS", "KAFKA__SECURITY_PROTOCOL to SASL_SSL", "it is SASL_PLAINTEXT"],
    ),
    "a client with TLS on a port without": (
        lambda broker, _: on_port(broker, None, security_protocol="SSL"),
        ["the port does not use TLS", "KAFKA__SECURITY_PROTOCOL to PLAINTEXT, it is SSL"],
    ),
    "a client without a login on a port with one": (
        lambda broker, _: on_port(broker, "CLEAR"),
        ["wants a login by SASL (", "SCRAM-SHA-512", "KAFKA__SECURITY_PROTOCOL to SASL_PLAINTEXT, it is PLAINTEXT"],
    ),
    "a client with TLS alone on a port with a login": (
        lambda broker, _: on_port(broker, "PLAIN", security_protocol="SSL"),
        ["wants a login by SASL (PLAIN)", "KAFKA__SECURITY_PROTOCOL to SASL_SSL, it is SSL"],
    ),
    "a login on a port without one": (
        lambda broker, _: on_port(broker, None, security_protocol="SASL_PLAINTEXT", **LOGIN),
        ["its listener has no login", "KAFKA__SECURITY_PROTOCOL to PLAINTEXT, it is SASL_PLAINTEXT"],
    ),
    "no certificate of the client": (
        lambda broker, _: broker.secured("MUTUAL"),
        ["requires a certificate of the client", "KAFKA__SSL_CERTFILE and FUSIONLOG_KAFKA__SSL_KEYFILE"],
    ),
    "a client's certificate of another authority": (
        lambda broker, path: certified(broker, Authority(path, "other")),
        ["did not accept this client's certificate", "client.pem", "KAFKA__SSL_CERTFILE"],
    ),
    "an expired client's certificate": (
        lambda broker, _: certified(broker, broker.authority, valid=-datetime.timedelta(days=1)),
        ["did not accept this client's certificate", "has expired", "KAFKA__SSL_CERTFILE"],
    ),
}


@pytest.mark.parametrize("name", REFUSED)
async def test_each_wrong_thing_has_its_sentence_with_the_setting_to_change(
    broker: SecureKafka, tmp_path: Path, name: str
) -> None:
    case, words = REFUSED[name]
    with pytest.raises(FusionLogError) as raised:
        await reach(case(broker, tmp_path))
    assert all(word in str(raised.value) for word in words), raised.value
    assert PASSWORD not in str(raised.value) and "wrong-1f" not in str(raised.value)


async def test_a_login_by_token_works_and_one_token_serves_all(broker: SecureKafka, endpoint: TokenEndpoint) -> None:
    kafka = with_token(broker, endpoint, oauth_scope="logs")
    await reach(kafka)
    await reach(kafka)
    assert endpoint.requests == [{"grant_type": ["client_credentials"], "scope": ["logs"]}]


async def test_a_client_that_the_token_endpoint_refuses_is_named(broker: SecureKafka, endpoint: TokenEndpoint) -> None:
    with pytest.raises(BrokerRefusedError, match=r"refuses client 'id:1' \(401 invalid_client\): set .*_CLIENT_SECRET"):
        await reach(with_token(broker, endpoint, oauth_client_secret="wrong-1f"))


async def test_a_token_that_the_broker_refuses_is_named(broker: SecureKafka, endpoint: TokenEndpoint) -> None:
    endpoint.seconds = -3600.0
    with pytest.raises(BrokerRefusedError, match=r"the token of client 'id:1' was refused .*OAUTH_URL"):
        await reach(with_token(broker, endpoint))
