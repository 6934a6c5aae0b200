"""Kafka is waited for at the start, and a refusal ends the wait: on Kafka with a login, and on other servers."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest
from aiokafka.errors import SaslAuthenticationFailed
from pydantic import SecretStr
from structlog.testing import capture_logs

from fusionlog.errors import BrokerAwayError, BrokerRefusedError
from fusionlog.kafka import monitor
from fusionlog.kafka.client import reach
from fusionlog.kafka.monitor import REFUSALS, KafkaMonitor, until_reached
from fusionlog.observability.outage import Outage
from fusionlog.settings import KafkaSettings
from tests.brokers import ApacheKafka, free_ports, kafka_jars, started
from tests.certificates import Authority

KAFKA = KafkaSettings(bootstrap_servers="here:1")


async def wait_for(kafka: KafkaSettings) -> None:
    await until_reached(kafka, partial(reach, kafka))


async def test_a_kafka_that_is_away_is_waited_for_with_one_sentence() -> None:
    tries = 0

    async def away_three_times() -> None:
        nonlocal tries
        tries += 1
        if tries <= 3:
            raise BrokerAwayError("Kafka does not answer at here:1 (refused)")

    async def at_once(seconds: float) -> None: ...

    with capture_logs() as logs:
        await until_reached(KAFKA, away_three_times, at_once)
    assert [each["event"] for each in logs] == ["the worker waits for Kafka", "Kafka answers"]
    assert "here:1" in logs[0]["why"] and tries == 4


async def test_a_refusal_is_not_waited_for() -> None:
    async def refused() -> None:
        raise BrokerRefusedError("Kafka at here:1 cannot be used: the login was refused")

    with pytest.raises(BrokerRefusedError, match="login"):
        await until_reached(KAFKA, refused)


async def test_a_kafka_that_refuses_for_a_while_ends_the_watch(monkeypatch: pytest.MonkeyPatch) -> None:
    watch = KafkaMonitor(KAFKA, outage := Outage())

    async def refused() -> BaseException:
        return SaslAuthenticationFailed("changed")

    monkeypatch.setattr(watch, "_watch", refused)
    monkeypatch.setattr(monitor, "EVERY_SECONDS", 0.0)
    with capture_logs() as logs:
        watch.start()
        with pytest.raises(BrokerRefusedError, match="changed"):
            await asyncio.wait_for(watch.background[0], 10)
    assert [each["event"] for each in logs] == ["Kafka refuses this worker"] and REFUSALS > 1
    assert not outage.there


@asynccontextmanager
async def server(context: ssl.SSLContext | None) -> AsyncIterator[int]:
    """A server that closes each connection as soon as it reads something."""

    async def close(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    (port,) = free_ports(1)
    listener = await asyncio.start_server(close, "127.0.0.1", port, ssl=context)
    yield port
    listener.close()


@pytest.fixture
def certificate(tmp_path: Path) -> ssl.SSLContext:
    """A certificate of an authority that no client has."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*Authority(tmp_path).issue("server"))
    return context


async def test_a_certificate_that_nobody_vouches_for_ends_the_wait(certificate: ssl.SSLContext) -> None:
    async with server(certificate) as port:
        with pytest.raises(BrokerRefusedError, match=r"certificate is signed by an authority that.*SSL_CAFILE"):
            await wait_for(KafkaSettings(bootstrap_servers=f"127.0.0.1:{port}", security_protocol="SSL"))


async def test_tls_to_a_port_without_it_ends_the_wait() -> None:
    async with server(None) as port:
        with pytest.raises(BrokerRefusedError, match=r"does not use TLS.*SECURITY_PROTOCOL"):
            await wait_for(KafkaSettings(bootstrap_servers=f"127.0.0.1:{port}", security_protocol="SSL"))


async def test_a_port_with_tls_names_the_protocol_to_set(certificate: ssl.SSLContext) -> None:
    async with server(certificate) as port:
        with pytest.raises(
            BrokerRefusedError, match="the port uses TLS: set FUSIONLOG_KAFKA__SECURITY_PROTOCOL to SSL"
        ):
            await reach(KafkaSettings(bootstrap_servers=f"127.0.0.1:{port}"), 5.0)


@pytest.fixture(scope="module")
def with_login(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApacheKafka]:
    """A Kafka whose listener wants the login `me` with the password `hush`."""
    broker = started(lambda: ApacheKafka(tmp_path_factory.mktemp("login"), kafka_jars(), login=("me", "hush")))
    yield broker
    broker.stop()


@pytest.mark.kafka
async def test_a_login_that_is_refused_names_its_settings(with_login: ApacheKafka) -> None:
    right = with_login.settings
    await wait_for(right)
    wrong = right.model_copy(update={"sasl_password": SecretStr("wrong")})
    with pytest.raises(BrokerRefusedError, match=r"login of user 'me' was refused.*FUSIONLOG_KAFKA__SASL_PASSWORD"):
        await wait_for(wrong)
    with pytest.raises(BrokerRefusedError, match=r"SASL mechanism SCRAM-SHA-256 is not accepted"):
        await wait_for(right.model_copy(update={"sasl_mechanism": "SCRAM-SHA-256"}))
    with pytest.raises(BrokerRefusedError, match=r"wants a login by SASL \(PLAIN\): set .*SECURITY_PROTOCOL"):
        await reach(KafkaSettings(bootstrap_servers=right.bootstrap_servers), 5.0)
