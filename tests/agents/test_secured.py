"""Workers on a Kafka that wants TLS and a login, with their secrets in files alone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from fusionlog.kafka import codecs
from fusionlog.records import Anomaly
from tests.agents.stage import Stage, until
from tests.factories import make_window
from tests.kafka.secure_broker import PASSWORD, USER, SecureKafka
from tests.kafka.token_endpoint import TokenEndpoint, token_endpoint

pytestmark = pytest.mark.kafka


@pytest.fixture
def endpoint() -> Iterator[TokenEndpoint]:
    with token_endpoint() as found:
        yield found


@pytest.fixture
async def stage(tmp_path: Path, secure_kafka: SecureKafka) -> AsyncIterator[Stage]:
    """A stage whose settings log in by SCRAM, with user and password in a directory as Kubernetes mounts it."""
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    (secrets / "kafka__sasl_username").write_text(USER)
    (secrets / "kafka__sasl_password").write_text(f"{PASSWORD}\n")
    env = {
        "FUSIONLOG_KAFKA__SECURITY_PROTOCOL": "SASL_SSL",
        "FUSIONLOG_KAFKA__SASL_MECHANISM": "SCRAM-SHA-512",
        "FUSIONLOG_KAFKA__SSL_CAFILE": str(secure_kafka.authority.file),
        "FUSIONLOG_SECRETS_DIR": str(secrets),
    }
    found = Stage(tmp_path / "stage", secure_kafka.secured("LOGIN"), extra=env)
    await found.setup()
    yield found
    await found.close()


async def test_each_transport_works_with_secrets_from_files_and_logs_none(
    stage: Stage, endpoint: TokenEndpoint, tmp_path: Path
) -> None:
    """Ingest reads by our own group consumer, with a password; label by Faust's, with a token."""
    secret = tmp_path / "client-secret"
    secret.write_text(endpoint.SECRET)
    token = {
        "FUSIONLOG_KAFKA__SASL_MECHANISM": "OAUTHBEARER",
        "FUSIONLOG_KAFKA__OAUTH_URL": endpoint.url,
        "FUSIONLOG_KAFKA__OAUTH_CLIENT_ID": endpoint.CLIENT,
        "FUSIONLOG_KAFKA__OAUTH_CLIENT_SECRET_FILE": str(secret),
        "FUSIONLOG_METHOD": "offline",
    }
    ingest, label = await stage.worker("ingest"), await stage.worker("label", **token)
    for worker in (ingest, label):
        await worker.logged('"started"')
    await stage.write([("a", "disk failed s=a"), ("b", "connection opened s=b")])
    window = make_window("disk failed", first_offset=7777)
    await stage.publish(stage.settings.topics.proprietary, window)

    async def labelled() -> bool:
        found = [codecs.decode(each.value, Anomaly) for each in await stage.records(stage.settings.topics.anomalies)]
        return window.id in {each.id for each in found}

    await until(labelled, 30, lambda: label.log.read_text()[-3000:])
    await until(lambda: ingest.metrics().get("fusionlog_lines_windowed", 0) == 2, 30, lambda: ingest.metrics())
    text = ingest.log.read_text() + label.log.read_text()
    assert PASSWORD not in text and endpoint.SECRET not in text
    assert await asyncio.gather(ingest.stop(), label.stop()) == [0, 0]
