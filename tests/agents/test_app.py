"""What the apps have in common: batches that only their reader acknowledges, and settings."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

import pytest
from pydantic import SecretStr
from structlog.testing import capture_logs

from agents.app import batches, credentials, preflight, warn_unsigned
from agents.run import ROLES, build
from fusionlog.data.bundled import DATASETS
from fusionlog.errors import BrokerError, SettingError
from fusionlog.kafka.admin import create_topics
from fusionlog.settings import KafkaSettings, Settings
from fusionlog.topics import Role
from tests.cuda import NO_DEVICE, FakeCuda, fake_cuda
from tests.signing.factories import write_keys

__all__ = ["fake_cuda"]


class Numbers:
    """A stream of numbers with pauses, as far as `batches` uses one."""

    def __init__(self, *items: int | float) -> None:
        self.items, self.endless = items, True

    def noack(self) -> Numbers:
        return self

    async def events(self) -> AsyncIterator[int]:
        for item in self.items:
            if isinstance(item, float):
                await asyncio.sleep(item)
            else:
                yield item
        if self.endless:
            await asyncio.sleep(60)


async def first(count: int, stream: Numbers, size: int, seconds: float) -> list[list[int]]:
    found: list[list[int]] = []
    async with aclosing(batches(stream, size, seconds)) as each:  # type: ignore[arg-type]
        async for batch in each:
            found.append(batch)  # type: ignore[arg-type]
            if len(found) == count:
                break
    return found


async def test_a_batch_is_full_or_timed_out() -> None:
    assert await first(3, Numbers(1, 2, 3, 4, 5, 0.2, 6), 2, 0.05) == [[1, 2], [3, 4], [5]]


async def test_a_stream_that_ends_ends_the_batches() -> None:
    stream = Numbers(1, 2, 3)
    stream.endless = False
    found = await asyncio.wait_for(first(9, stream, 2, 0.05), 2)
    assert [number for batch in found for number in batch] == [1, 2, 3]


async def test_what_breaks_the_stream_reaches_the_reader() -> None:
    class Broken(Numbers):
        async def events(self) -> AsyncIterator[int]:
            raise ValueError("broken")
            yield 0

    with pytest.raises(ValueError, match="broken"):
        await first(1, Broken(), 2, 0.05)


@pytest.mark.parametrize("role", ROLES)
async def test_an_app_has_the_settings_and_connects_to_nothing(role: str, tmp_path: Path) -> None:
    (tmp_path / "targets.yaml").write_text("hook: {type: webhook, url: 'http://127.0.0.1:9'}")
    kafka = KafkaSettings(bootstrap_servers="one:9092,two:9093", session_timeout=8, rebalance_timeout=9)
    app = build(
        role,
        Settings(
            kafka=kafka,
            topic_prefix="p.",
            systems_file=DATASETS / "systems.yaml",
            label={"url": "http://127.0.0.1:1/v1"},
            canary={"seconds": 60},
            ray_address="http://127.0.0.1:1",
            notifications_file=tmp_path / "targets.yaml",
        ),
    )
    assert app.conf.id == f"p.{role}"
    assert [str(url) for url in app.conf.broker] == ["kafka://one:9092", "kafka://two:9093"]
    assert (app.conf.broker_session_timeout, app.conf.broker_rebalance_timeout) == (8, 9)
    assert app.conf.topic_disable_leader and not app.conf.topic_allow_declare and not app.conf.web_enabled


async def test_a_train_worker_needs_a_ray() -> None:
    with pytest.raises(SettingError, match="FUSIONLOG_RAY_ADDRESS is None: name the Jobs API of a Ray cluster"):
        build("train", Settings())


async def test_a_worker_that_writes_signed_records_needs_its_key(tmp_path: Path) -> None:
    keys = write_keys(tmp_path)
    with pytest.raises(SettingError, match="a label must be signed: give the private key of label"):
        build("label", Settings(signing=keys["reader"]))
    with pytest.raises(SettingError, match="it signs release and no label"):
        build("label", Settings(signing=keys["trainer"]))
    for role, signer in (("label", "label"), ("explain", "reader")):
        shown = (
            build(role, Settings(signing=keys[signer], label={"url": "http://127.0.0.1:1/v1"}))
            .health.ready()
            .body["signatures"]
        )
        assert (shown["verified"], shown["public_keys"]) == (True, 4) and (shown["key"] is None) == (signer == "reader")


@pytest.mark.parametrize("role", ["ingest", "score", "label"])
async def test_a_worker_that_requires_cuda_does_not_start_without_it(fake_cuda: FakeCuda, role: Role) -> None:
    fake_cuda.opening = NO_DEVICE
    settings = {"systems_file": DATASETS / "systems.yaml"}
    with pytest.raises(SettingError, match=r"FUSIONLOG_SCORE__PROVIDER is 'cuda': .*no CUDA-capable device"):
        build(role, Settings(score={"provider": "cuda"}, **settings))
    build(role, Settings(score={"provider": "auto"}, **settings))


async def test_a_worker_without_keys_warns_and_shows_it(tmp_path: Path) -> None:
    with capture_logs() as logs:
        warn_unsigned(Settings(signing=write_keys(tmp_path)["reader"]))
        warn_unsigned(Settings())
    [warning] = logs
    assert warning["log_level"] == "warning" and "whoever can write to the topics" in warning["event"]
    assert build("score", Settings()).health.ready().body["signatures"]["verified"] is False


def test_credentials_follow_the_protocol(tmp_path: Path) -> None:
    assert credentials(KafkaSettings()) is None
    plain = credentials(
        KafkaSettings(
            security_protocol="SASL_PLAINTEXT", sasl_mechanism="SCRAM-SHA-512", sasl_username="u",
            sasl_password=SecretStr("p"),
        )
    )  # fmt: skip
    assert (plain.protocol.value, plain.mechanism.value, plain.username, plain.password) == (
        "SASL_PLAINTEXT", "SCRAM-SHA-512", "u", "p",
    )  # fmt: skip
    assert credentials(KafkaSettings(security_protocol="SSL")).protocol.value == "SSL"
    with pytest.raises(SettingError, match="FUSIONLOG_KAFKA__SASL_PASSWORD is None"):
        credentials(KafkaSettings(security_protocol="SASL_SSL", sasl_username="u"))
    tokens = credentials(
        KafkaSettings(
            security_protocol="SASL_SSL", sasl_mechanism="OAUTHBEARER", oauth_url="https://host/token",
            oauth_client_id="u", oauth_client_secret=SecretStr("p"),
        )
    )  # fmt: skip
    assert (tokens.protocol.value, tokens.mechanism.value) == ("SASL_SSL", "OAUTHBEARER")
    with pytest.raises(SettingError, match="FUSIONLOG_KAFKA__SSL_CAFILE"):
        credentials(KafkaSettings(security_protocol="SSL", ssl_cafile=tmp_path / "none.pem"))


@pytest.mark.kafka
async def test_a_missing_topic_is_said_before_a_worker_starts(kafka_settings: Settings) -> None:
    with pytest.raises(
        BrokerError, match=r"does not exist: create it with  fusionlog topics create \(and 7 more: .* --role score"
    ):
        await preflight(kafka_settings, "score")
    await create_topics(kafka_settings)
    await preflight(kafka_settings, "score")
