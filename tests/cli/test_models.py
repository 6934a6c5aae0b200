import asyncio

import pytest
from typer.testing import CliRunner

from fusionlog import releases
from fusionlog.cli.main import app
from fusionlog.cli.models import again_at
from fusionlog.kafka.admin import create_topics
from fusionlog.kafka.codecs import key_of
from fusionlog.kafka.producer import Producer
from fusionlog.kafka.table import read_all
from fusionlog.settings import Settings
from tests.factories import make_release


def test_a_release_again_ranks_above_the_one_that_is_left_and_says_where_it_came_from() -> None:
    release = releases.sign(make_release(created=1.0), None)
    again = again_at(release, 9.0)
    assert (again.created, again.lineage.parent, again.onnx) == (9.0, release.version, release.onnx)
    assert again.version > release.version
    releases.verify(releases.sign(again, None), None)


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
    assert bad.version in listed.output
