"""The arguments of Kafka clients, and the one sentence that stands for their errors."""

from __future__ import annotations

import pytest
from aiokafka.errors import KafkaConnectionError, RequestTimedOutError
from pydantic import SecretStr

from fusionlog.errors import BrokerError
from fusionlog.kafka import client
from fusionlog.kafka.client import kafka_errors, options, partition_counts
from fusionlog.settings import KafkaSettings
from tests.brokers import free_ports


def test_a_plain_client_has_neither_login_nor_certificates() -> None:
    found = options(KafkaSettings(bootstrap_servers="a:1,b:2", metadata_seconds=1.5))
    assert (found["bootstrap_servers"], found["metadata_max_age_ms"]) == ("a:1,b:2", 1500)
    assert not {"sasl_mechanism", "sasl_plain_password", "ssl_context"} & found.keys()


@pytest.mark.parametrize(
    ("protocol", "login", "tls"),
    [("SASL_PLAINTEXT", True, False), ("SSL", False, True), ("SASL_SSL", True, True)],
)
def test_login_and_tls_are_given_where_the_protocol_has_them(protocol: str, login: bool, tls: bool) -> None:
    kafka = KafkaSettings(security_protocol=protocol, sasl_username="me", sasl_password=SecretStr("hush"))  # type: ignore[arg-type]
    found = options(kafka)
    assert found.get("sasl_plain_password") == ("hush" if login else None)
    assert ("ssl_context" in found) == tls


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (TimeoutError(), "no answer in time"),
        (KafkaConnectionError("nobody there"), "nobody there; start it, or set FUSIONLOG_KAFKA__BOOTSTRAP_SERVERS"),
        (
            KafkaConnectionError("Unable to bootstrap from [('here', 1, 2)]"),
            "results: no connection to any server; start",
        ),
        (OSError("no route"), "no route"),
        (RequestTimedOutError(), "RequestTimedOutError"),
    ],
)
async def test_errors_of_kafka_become_one_sentence_with_address_and_deed(error: Exception, words: str) -> None:
    with pytest.raises(BrokerError) as raised:
        async with kafka_errors(KafkaSettings(bootstrap_servers="here:1"), "writing results"):
            raise error
    assert str(raised.value).startswith("Kafka at here:1 failed at writing results: ") and words in str(raised.value)
    assert raised.value.__cause__ is error


async def test_other_errors_pass_as_they_are() -> None:
    with pytest.raises(ValueError, match="ours"):
        async with kafka_errors(KafkaSettings(), "writing results"):
            raise ValueError("ours")


async def test_a_kafka_that_does_not_answer_says_what_to_set() -> None:
    (port,) = free_ports(1)
    with pytest.raises(BrokerError, match=rf"127.0.0.1:{port}.*FUSIONLOG_KAFKA__BOOTSTRAP_SERVERS"):
        await partition_counts(KafkaSettings(bootstrap_servers=f"127.0.0.1:{port}"), 2.0)


class JustStarted:
    """A fake of aiokafka's client: the first answers of its Kafka name no broker."""

    def __init__(self, unnamed: int) -> None:
        self.unnamed, self.is_closed = unnamed, False

    async def bootstrap(self) -> None:
        """Connected; what was answered named no broker."""

    async def force_metadata_update(self) -> None:
        self.unnamed -= 1

    def get_random_node(self) -> int | None:
        return None if self.unnamed > 0 else 1

    async def close(self) -> None:
        self.is_closed = True


async def test_a_kafka_that_has_just_started_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = JustStarted(unnamed=2)
    monkeypatch.setattr(client, "AIOKafkaClient", lambda **_: fake)
    async with client.plain_client(KafkaSettings()) as found:
        assert found.get_random_node() == 1
    assert fake.is_closed


async def test_a_kafka_that_names_no_broker_is_given_up_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = JustStarted(unnamed=10**9)
    monkeypatch.setattr(client, "AIOKafkaClient", lambda **_: fake)
    with pytest.raises(TimeoutError):
        async with client.plain_client(KafkaSettings(), 0.05):
            raise AssertionError("it has no broker to send to")
    assert fake.is_closed
