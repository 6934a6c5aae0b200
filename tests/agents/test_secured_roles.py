"""All roles at once on a Kafka with TLS, logins and ACLs, with signatures, and with secrets from files alone."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord
from aiokafka.errors import TopicAuthorizationFailedError
from msgspec.structs import replace

from agents.run import ROLES as WORKERS
from fusionlog import releases
from fusionlog.kafka import codecs
from fusionlog.kafka.client import options
from fusionlog.records import ModelRelease, PseudoLabel
from fusionlog.signing.envelope import HEADER, Signature, key_of, message, signature_in
from fusionlog.signing.keys import PrivateKey
from fusionlog.topics import CANARY, ROLES, Topic
from ray_jobs import publish
from tests.agents.deployment import INTRUDER, LOGINS, Deployment, make_passwords
from tests.agents.stage import Worker, until
from tests.brokers import kafka_jars, started
from tests.explanation.factories import explaining_endpoint
from tests.factories import make_label, make_window
from tests.kafka.authorizer import SecureGuardedKafka
from tests.teachers.fake_endpoint import FakeEndpoint, fake_endpoint

pytestmark = [pytest.mark.kafka, pytest.mark.ray, pytest.mark.slow, pytest.mark.long]

SECONDS = 90.0
SETTINGS = {
    "FUSIONLOG_CANARY__SECONDS": "10",
    "FUSIONLOG_DISTILL__MIN_LABELS": "2",
    "FUSIONLOG_DISTILL__STEPS": "100",
    "FUSIONLOG_DISTILL__HIDDEN": "8",
    "FUSIONLOG_DISTILL__CALIBRATION_FOLDS": "0",
    "FUSIONLOG_DISTILL__GATE_MIN_AGREEMENT": "-1",
    "FUSIONLOG_DISTILL__GATE_MAX_RATE": "1",
}
Workers = dict[str, Worker]


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecureGuardedKafka]:
    broker = started(lambda: SecureGuardedKafka(tmp_path_factory.mktemp("guarded"), kafka_jars(), make_passwords()))
    yield broker
    broker.stop()


@pytest.fixture
async def deployment(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, kafka: SecureGuardedKafka
) -> AsyncIterator[Deployment]:
    found = Deployment(tmp_path, tmp_path_factory.mktemp("secrets"), kafka, SETTINGS)
    yield found
    await found.stage.close()


@pytest.fixture
def endpoints() -> Iterator[dict[str, FakeEndpoint]]:
    with fake_endpoint() as label, explaining_endpoint() as explain:
        yield {"label": label, "explain": explain}


@pytest.fixture
async def ray(deployment: Deployment, tmp_path: Path) -> AsyncIterator[tuple[str, Path]]:
    """A Ray whose nodes have no secret in their environment: its address, and the directory of its files."""
    directory = Path(tempfile.mkdtemp(prefix="fl-"))  # A socket's path is short.
    log = tmp_path / "ray.log"
    environment = {"RAY_AUTH_TOKEN": deployment.ray_token, "TMPDIR": str(directory)}
    process = await deployment.process(log, "-m", "ray_jobs.local", **environment)
    try:
        await until(lambda: "http://" in log.read_text(), SECONDS, log.read_text)
        yield next(line for line in log.read_text().splitlines() if line.startswith("http://")), directory
    finally:
        process.terminate()
        await process.wait()
        shutil.rmtree(directory, ignore_errors=True)


async def test_all_roles_work_and_forgeries_are_refused_and_no_file_has_a_secret(
    deployment: Deployment, endpoints: dict[str, FakeEndpoint], ray: tuple[str, Path], tmp_path: Path
) -> None:
    address, files_of_ray = ray
    await deployment.grant()
    code, text = await deployment.cli("cli", "topics", "create")
    assert code == 0, text
    await permissions_are_those_of_each_role(deployment)
    base = await publish.publish(deployment.settings("ray"), deployment.stage.release())
    of_ray = {"FUSIONLOG_RAY_ADDRESS": address}
    workers = {role: await deployment.worker(role, **_endpoint(endpoints, role), **of_ray) for role in WORKERS}
    for worker in workers.values():
        await worker.logged('"started"')
    await lines_become_anomalies_and_explanations(deployment, endpoints)
    await until(lambda: workers["train"].metrics().get("fusionlog_ray_up") == 1, SECONDS)
    await until(lambda: workers["canary"].metrics().get("fusionlog_canary_up") == 1, SECONDS)
    distilled = await a_ray_job_publishes(deployment, address, tmp_path, workers)
    await a_score_worker_withdraws(deployment, workers, distilled)
    assert [worker.refused() for worker in workers.values()] == [{}] * len(workers), "all signed, and none forged"
    evil = await forgeries_are_refused(deployment, workers)
    code, text = await deployment.cli("cli", "models", "list")
    left_out = [line for line in text.splitlines() if "record left out" in line]
    assert code == 0 and len(left_out) == len(evil) and distilled in text and base.version in text
    listed = "".join(line for line in text.splitlines() if line not in left_out)
    assert not [version for version in evil if version in listed]
    assert deployment.leaks(tmp_path, files_of_ray) == []
    assert len(deployment.leaks(deployment.secrets_directory)) > len(LOGINS), "what holds a secret is found"
    sent = str(deployment.secrets_directory / "ray").encode()
    assert any(sent in path.read_bytes() for path in files_of_ray.rglob("*.log")), "Ray writes down what a job is sent"
    assert await asyncio.gather(*(worker.stop() for worker in workers.values())) == [0] * len(workers)


def _endpoint(endpoints: dict[str, FakeEndpoint], role: str) -> dict[str, str]:
    return {"FUSIONLOG_LABEL__URL": endpoints[role].url} if role in endpoints else {}


async def permissions_are_those_of_each_role(deployment: Deployment) -> None:
    """`topics check --role` of each role by its own login, then by that of the next one."""
    roles = list(ROLES)
    for role, other in zip(roles, [*roles[1:], roles[0]], strict=True):
        code, text = await deployment.cli(role, "topics", "check", "--role", role)
        assert code == 0 and f"every topic of {role} is as it should be" in text, (role, text)
        code, text = await deployment.cli(other, "topics", "check", "--role", role)
        assert code == 1 and f"user 'fusionlog-{other}' lacks the permission" in text, (role, other, text)
        assert f"fusionlog acls --role {role} prints all that a role needs" in text


async def lines_become_anomalies_and_explanations(deployment: Deployment, endpoints: dict[str, FakeEndpoint]) -> None:
    """A shipper writes, a consumer reads; the model is asked about one session, the LLM about two."""
    topics = deployment.stage.settings.topics
    usual = ["connection opened", "connection closed"]
    sessions = {"known": ["disk failed"], "odd": ["connection failed"], "fine": ["disk opened", *usual]}
    lines = [f"s={session} {text}" for session, texts in sessions.items() for text in texts]
    await ship(deployment, *lines * 10)
    await read(deployment, "users", topics.anomalies, b'"known"', b'"odd"', CANARY.encode())
    await read(deployment, "users", topics.explanations, b"look at the disk")

    async def labelled() -> bool:
        return len(await read_labels(deployment)) == 2

    await until(labelled, SECONDS)
    signer = deployment.key("label").id
    assert {key_of(signature_in(each.headers)) for each in await read_labels(deployment)} == {signer}
    for role, endpoint in endpoints.items():
        assert set(endpoint.keys) == {f"Bearer {deployment.endpoint_keys[role]}"}, role


async def a_ray_job_publishes(deployment: Deployment, address: str, directory: Path, workers: Workers) -> str:
    """A job distils, signs with the trainer's key of its node, and the workers use its release; its version."""
    log = directory / "distill.log"
    env = {**deployment.stage.env, **deployment.env("ray"), "FUSIONLOG_RAY_ADDRESS": address}
    job = await deployment.process(log, "-m", "fusionlog", "distill", "--system", "shop", **env)
    assert await asyncio.wait_for(job.wait(), 2 * SECONDS) == 0, log.read_text()
    [record] = [each for each in await models(deployment) if each.key.startswith(b"shop/")]
    assert key_of(signature_in(record.headers)) == deployment.key("trainer").id
    version = codecs.decode(record.value, ModelRelease).version
    for role in ("ingest", "score"):
        await workers[role].logged(version)
    return version


async def a_score_worker_withdraws(deployment: Deployment, workers: Workers, before: str) -> None:
    """A trainer's release that calls everything anomalous is withdrawn, signed with the key of the score worker.

    :param before: the version that all workers go back to.
    """
    made = deployment.stage.release("shop", created=time.time(), threshold=0.0)
    bad = await publish.publish(deployment.settings("ray"), made)
    for role in ("ingest", "score"):
        await workers[role].logged(bad.version)
    await ship(
        deployment, *(f"s=n{session} connection {what}" for session in range(150) for what in ("opened", "closed"))
    )

    async def signers() -> list[str | None]:
        found = [each for each in await models(deployment) if bad.version.encode() in each.key]
        return [key_of(signature_in(each.headers)) for each in found]

    expected = [deployment.key(signer).id for signer in ("trainer", "score")]

    async def withdrawn() -> bool:
        return await signers() == expected

    await until(withdrawn, SECONDS, lambda: workers["score"].log.read_text()[-3000:])
    for role in ("ingest", "score", "label"):
        await workers[role].logged(f'"version": "{bad.version}", "in_use": "{before}"')


async def forgeries_are_refused(deployment: Deployment, workers: Workers) -> list[str]:
    """By a login that Kafka permits to write, without a key, with one of no trust, or of another kind; the versions."""
    topics = deployment.stage.settings.topics
    key, value, headers = await label_of(deployment, b"connection failed")
    label = codecs.decode(value, PseudoLabel)
    normal = make_label(make_window("connection failed"), 0.0, shape=label.shape, labelled_at=time.time())
    evil = [
        releases.sealed(
            replace(deployment.stage.release("shop", created=time.time() + number), threshold=1.0, signature="")
        )
        for number in range(3)
    ]
    foreign, score = PrivateKey.generate(), deployment.key("score")
    await forge(deployment, INTRUDER, topics.labels, key, codecs.encode(normal), [])
    altered = value.replace(b'"probability":0.9', b'"probability":0.1')
    assert altered != value
    await forge(deployment, INTRUDER, topics.labels, key, altered, headers)
    for who, signer, release in ((INTRUDER, None, evil[0]), (INTRUDER, foreign, evil[1]), ("score", score, evil[2])):
        await forge(deployment, who, topics.models, *signed(release, signer))
    for who, topic in (("label", topics.models), ("ingest", topics.labels), (INTRUDER, topics.anomalies)):
        with pytest.raises(TopicAuthorizationFailedError):
            await forge(deployment, who, topic, b"shop/x", b"{}", [])

    on_models = {(topics.models.name, reason): 1.0 for reason in ("unsigned", "unknown-key", "wrong-signer")}
    on_labels = {(topics.labels.name, reason): 1.0 for reason in ("unsigned", "bad-signature")}
    for role in ("ingest", "score", "label", "canary"):
        expected = on_models if role == "canary" else on_models | on_labels
        await until(
            lambda role=role, wanted=expected: workers[role].refused() == wanted, SECONDS, workers[role].refused
        )
    assert workers["explain"].refused() == {}
    assert await dead_letters(deployment, 5) == sorted(reason for _, reason in on_models | on_labels)
    await ship(deployment, *["s=again connection failed"] * 10)
    await read(deployment, "users", topics.anomalies, b'"again"')
    return [release.version for release in evil]


def signed(release: ModelRelease, key: PrivateKey | None) -> tuple[bytes, bytes, list[tuple[str, bytes]]]:
    """The key, the value and the headers of a release's record, signed with a key."""
    name, value = codecs.key_of(release).encode(), codecs.encode(release)
    if key is None:
        return name, value, []
    at = int(time.time() * 1000)
    signature = Signature(key.id, at, key.sign(message("release", "models", name, at, value)))
    return name, value, [(HEADER, signature.encode().encode())]


async def forge(
    deployment: Deployment, who: str, topic: Topic, key: bytes, value: bytes, headers: list[tuple[str, bytes]]
) -> None:
    """Write a record by a login."""
    size = {"max_request_size": topic.max_message_bytes}
    async with AIOKafkaProducer(**options(deployment.settings(who).kafka), **size) as producer:
        await producer.send_and_wait(topic.name, value, key, headers=headers)


async def ship(deployment: Deployment, *lines: str) -> None:
    """Write lines by the login of shippers, into one partition."""
    topic = deployment.stage.settings.topics.raw("shop").name
    async with AIOKafkaProducer(**options(deployment.settings("shippers").kafka)) as producer:
        for line in lines:
            ack = await producer.send(topic, line.encode(), b"host")
        await ack


async def taken(deployment: Deployment, who: str, topic: Topic) -> AsyncIterator[ConsumerRecord]:
    """The records of a topic, from its beginning, as a group of a login gets them."""
    group = deployment.stage.settings.topics.group(f"{who}.{time.time_ns()}")
    kafka = options(deployment.settings(who).kafka)
    async with AIOKafkaConsumer(topic.name, **kafka, group_id=group, auto_offset_reset="earliest") as consumer:
        async for record in consumer:
            yield record


async def read(deployment: Deployment, who: str, topic: Topic, *wanted: bytes) -> None:
    """Read a topic until each of these texts was in a record."""
    missing = set(wanted)
    try:
        async with asyncio.timeout(SECONDS):
            async for record in taken(deployment, who, topic):
                missing -= {text for text in missing if text in record.value}
                if not missing:
                    return
    except TimeoutError:
        raise AssertionError(f"not in {SECONDS} s: {missing}") from None


async def dead_letters(deployment: Deployment, places: int) -> list[str]:
    """The reasons of the dead letters of so many places, as operators read them."""
    found: dict[tuple[bytes, ...], str] = {}
    async with asyncio.timeout(SECONDS):
        async for record in taken(deployment, "operators", deployment.stage.settings.topics.deadletter):
            headers = dict(record.headers)
            place = tuple(headers[f"fusionlog.{name}"] for name in ("topic", "partition", "offset"))
            found[place] = headers["fusionlog.reason"].decode()
            if len(found) == places:
                break
    return sorted(found.values())


async def read_labels(deployment: Deployment) -> list[ConsumerRecord]:
    """The records of the labels topic of the system."""
    topic = deployment.stage.settings.topics.labels
    return [each for each in await deployment.stage.records(topic) if each.key.startswith(b"shop/")]


async def label_of(deployment: Deployment, text: bytes) -> tuple[bytes, bytes, list[tuple[str, bytes]]]:
    """The key, the value and the headers of the label of a window with a text."""
    [record] = [each for each in await read_labels(deployment) if text in each.value]
    return record.key, record.value, list(record.headers)


async def models(deployment: Deployment) -> list[ConsumerRecord]:
    """The records of the models topic."""
    return await deployment.stage.records(deployment.stage.settings.topics.models)
