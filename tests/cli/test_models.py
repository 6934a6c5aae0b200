import asyncio
from pathlib import Path

import pytest
from msgspec.structs import replace
from typer.testing import CliRunner, Result

from fusionlog import fetch_release, releases
from fusionlog.bundled.base import read_base
from fusionlog.cli.main import app
from fusionlog.cli.models import check_usable, withdrawal_lines
from fusionlog.data.bundled import DATASETS
from fusionlog.errors import ModelError, SettingError
from fusionlog.kafka.admin import create_topics
from fusionlog.kafka.codecs import key_of
from fusionlog.kafka.producer import Producer
from fusionlog.kafka.table import read_all
from fusionlog.online.rollback import again_at
from fusionlog.records import ModelRelease
from fusionlog.settings import Settings
from tests.encoders import make_encoder
from tests.factories import make_release, make_withdrawn
from tests.signing.factories import write_keys


def test_a_release_again_ranks_above_the_one_that_is_left_and_says_where_it_came_from() -> None:
    release = releases.sign(make_release(created=1.0), None)
    again = again_at(release, 9.0)
    assert (again.created, again.lineage.parent, again.onnx) == (9.0, release.version, release.onnx)
    assert again.version > release.version
    releases.verify(releases.sign(again, None), None)


def test_a_withdrawn_release_again_is_the_operators_choice() -> None:
    again = again_at(make_withdrawn(make_release(created=1.0)), 9.0)
    assert again.withdrawn is None and not again.guarded


def test_the_list_has_why_a_release_was_withdrawn_and_how_that_is_undone() -> None:
    release = make_withdrawn(make_release(created=1.0), at=0.0, reason="of 60 windows [all]")
    assert list(withdrawal_lines(release)) == [
        f"{release.version} was withdrawn at 1970-01-01 00:00:00Z: of 60 windows [all]",
        f"  undo: fusionlog models restore {release.version}",
    ]
    assert list(withdrawal_lines(make_release())) == []


@pytest.mark.kafka
async def test_rolling_back_publishes_the_earlier_release_as_the_newest(kafka_settings: Settings) -> None:
    await create_topics(kafka_settings)
    good, bad = (releases.sign(make_release(created=at), None) for at in (1.0, 2.0))
    producer = Producer(kafka_settings)
    await producer.start()
    for release in (good, bad):
        await (await producer.send(kafka_settings.topics.models, key_of(release), release))
    await producer.stop()

    environment = {
        "FUSIONLOG_KAFKA__BOOTSTRAP_SERVERS": kafka_settings.kafka.bootstrap_servers,
        "FUSIONLOG_TOPIC_PREFIX": kafka_settings.topic_prefix,
    }
    done = await asyncio.to_thread(CliRunner(env=environment).invoke, app, ["models", "rollback", good.version])
    assert done.exit_code == 0, done.output
    found = [release for _, release in await read_all(kafka_settings, kafka_settings.topics.models)]
    newest = max(found, key=lambda release: release.created)
    assert (len(found), newest.lineage.parent) == (3, good.version)
    listed = await asyncio.to_thread(CliRunner(env=environment).invoke, app, ["models", "list"])
    assert newest.version in listed.output
    assert "records are not signed: whoever can write" in listed.output and "fusionlog keys generate" in listed.output
    assert bad.version in listed.output


SHOP = "shop:\n  description: a shop\n"


async def call(settings: Settings, *words: str, **env: str) -> Result:
    """A command against a test's Kafka and topics."""
    environment = {
        "FUSIONLOG_KAFKA__BOOTSTRAP_SERVERS": settings.kafka.bootstrap_servers,
        "FUSIONLOG_TOPIC_PREFIX": settings.topic_prefix,
        **env,
    }
    return await asyncio.to_thread(CliRunner(env=environment).invoke, app, ["models", *words])


async def on_topic(settings: Settings) -> list[ModelRelease]:
    return [release for _, release in await read_all(settings, settings.topics.models)]


@pytest.mark.kafka
async def test_the_bundled_base_is_published_once_and_signed_with_the_key_of_the_settings(
    kafka_settings: Settings, tmp_path: Path
) -> None:
    await create_topics(kafka_settings)
    (tmp_path / "systems.yaml").write_text(SHOP)
    targets = {"FUSIONLOG_SYSTEMS_FILE": str(tmp_path / "systems.yaml")}
    first = await call(kafka_settings, "publish", "--bundled", **targets)
    assert first.exit_code == 0, first.output
    assert first.stdout == f"{read_base().version} is on {kafka_settings.topics.models.name}, not signed\n"
    assert await on_topic(kafka_settings) == [read_base()]
    again = await call(kafka_settings, "publish", "--bundled", **targets)
    assert again.stdout == f"{read_base().version} is on {kafka_settings.topics.models.name} already\n"

    keys = write_keys(tmp_path)
    public = {"FUSIONLOG_SIGNING__PUBLIC_KEYS": str(keys["reader"].public_keys)}
    unable = await call(kafka_settings, "publish", "--bundled", **public)
    assert isinstance(unable.exception, SettingError) and "private key of trainer or operator" in str(unable.exception)
    signed = await call(
        kafka_settings, "publish", "--bundled", FUSIONLOG_SIGNING__KEY_FILE=str(keys["operator"].key_file), **public
    )
    assert signed.stdout.endswith(", signed\n")
    (release,) = await on_topic(kafka_settings)
    with_key = Settings(**{**kafka_settings.model_dump(), "signing": keys["reader"]})
    releases.verify(release, with_key.signatures)
    assert fetch_release("shop", with_key) == release
    assert fetch_release("shop", kafka_settings).sha256 == read_base().sha256


@pytest.mark.kafka
async def test_a_saved_release_is_published_elsewhere(kafka_settings: Settings, tmp_path: Path) -> None:
    await create_topics(kafka_settings)
    made, file = releases.sign(make_release(created=5.0), None), tmp_path / "shop.json.gz"
    file.write_bytes(releases.release_bytes(made))
    encoder = {"FUSIONLOG_ENCODER": str(make_encoder(tmp_path / "encoder"))}
    refused = await call(kafka_settings, "publish", str(file), **encoder)
    assert isinstance(refused.exception, ModelError) and "is of encoder test, but words" in str(refused.exception)
    file.write_bytes(releases.release_bytes(releases.sign(replace(made, encoder="words"), None)))
    done = await call(kafka_settings, "publish", str(file), **encoder)
    assert done.exit_code == 0, done.output
    saved = await call(kafka_settings, "save", made.version, str(tmp_path / "again.json.gz"))
    assert saved.exit_code == 0, saved.output
    assert (tmp_path / "again.json.gz").read_bytes() == file.read_bytes()
    older = releases.sign(replace(make_release(created=4.0), encoder="words"), None)
    file.write_bytes(releases.release_bytes(older))
    below = await call(kafka_settings, "publish", str(file), **encoder)
    assert f"workers keep {made.version}, which is newer" in below.output
    missing = await call(kafka_settings, "save", "v0", str(file))
    assert isinstance(missing.exception, ModelError) and "no release begins with 'v0'" in str(missing.exception)


@pytest.mark.kafka
async def test_a_withdrawn_release_is_published_by_restoring_it_alone(kafka_settings: Settings, tmp_path: Path) -> None:
    await create_topics(kafka_settings)
    keys, file = write_keys(tmp_path), tmp_path / "shop.json.gz"
    key = {
        "FUSIONLOG_SIGNING__KEY_FILE": str(keys["operator"].key_file),
        "FUSIONLOG_SIGNING__PUBLIC_KEYS": str(keys["operator"].public_keys),
    }
    worker, trainer = (
        Settings(**{**kafka_settings.model_dump(), "signing": keys[each]}) for each in ("score", "trainer")
    )
    made = releases.sign(replace(make_release(created=5.0), encoder="words"), trainer.signatures)
    withdrawn = releases.sealed(make_withdrawn(made))
    encoder = {"FUSIONLOG_ENCODER": str(make_encoder(tmp_path / "encoder"))}

    async def withdraw(release: ModelRelease) -> None:
        producer = Producer(worker)
        await producer.start()
        await (await producer.send(kafka_settings.topics.models, key_of(release), release))
        await producer.stop()

    await withdraw(releases.sealed(replace(withdrawn, onnx=b"of a score worker")))
    tampered = await call(kafka_settings, "restore", made.version, **key)
    assert isinstance(tampered.exception, ModelError) and "bad-signature" in str(tampered.exception)
    await withdraw(withdrawn)
    for each in (made, withdrawn):
        file.write_bytes(releases.release_bytes(each))
        refused = await call(kafka_settings, "publish", str(file), **encoder, **key)
        assert isinstance(refused.exception, ModelError), refused.output
        assert f"run  fusionlog models restore {made.version}" in str(refused.exception)

    for command in ("restore", "rollback"):
        unsigned = await call(kafka_settings, command, made.version)
        assert isinstance(unsigned.exception, SettingError) and "is signed" in str(unsigned.exception)
    done = await call(kafka_settings, "restore", made.version, **key)
    assert done.stdout == f"{made.version} of system shop is restored\n"
    [restored] = await on_topic(kafka_settings)
    releases.verify(restored, worker.signatures)
    assert (restored.withdrawn, restored.guarded, restored.onnx) == (None, False, made.onnx)
    again = await call(kafka_settings, "restore", made.version, **key)
    assert isinstance(again.exception, ModelError) and "is not withdrawn" in str(again.exception)
    file.write_bytes(releases.release_bytes(made))
    same = await call(kafka_settings, "publish", str(file), **encoder, **key)
    assert same.stdout.endswith("already\n"), "what was restored stays so"
    assert await on_topic(kafka_settings) == [restored]


def test_a_bundled_system_among_the_targets_refuses_the_bundled_base() -> None:
    everything = Settings(systems_file=DATASETS / "systems.yaml")
    for config in (everything, everything.model_copy(update={"system": "kafka"})):
        with pytest.raises(ModelError, match=r"target postgresql .* --source kafka --source postfix --source rabbitmq"):
            check_usable(config, read_base())


def test_a_base_without_the_target_is_not_refused(tmp_path: Path) -> None:
    (tmp_path / "systems.yaml").write_text(SHOP)
    check_usable(Settings(systems_file=tmp_path / "systems.yaml"), read_base())
    check_usable(Settings(), read_base())


@pytest.mark.parametrize("words", [["publish"], ["publish", "file", "--bundled"]])
def test_one_release_is_named(words: list[str]) -> None:
    failed = CliRunner().invoke(app, ["models", *words])
    assert isinstance(failed.exception, SettingError) and failed.exception.setting == "--bundled"


def test_a_file_that_is_no_release_is_named(tmp_path: Path) -> None:
    for name, content in (("no.json", None), ("half.json.gz", b"\x1f\x8b\x08"), ("other.json", b"{}")):
        if content is not None:
            (tmp_path / name).write_bytes(content)
        failed = CliRunner().invoke(app, ["models", "publish", str(tmp_path / name)])
        assert isinstance(failed.exception, ModelError)
        assert f"{tmp_path / name} is no release (" in str(failed.exception)
