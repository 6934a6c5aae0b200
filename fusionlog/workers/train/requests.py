"""Operators' requests of the trainings: a record a system, or one for all, read, changed and written again."""

from __future__ import annotations

import getpass
from collections.abc import Callable, Sequence

from aiokafka.errors import KafkaError

from fusionlog.errors import BrokerError
from fusionlog.kafka import failures
from fusionlog.kafka.codecs import key_of
from fusionlog.kafka.producer import Producer
from fusionlog.kafka.table import read_all
from fusionlog.records import Training, TrainingRequest
from fusionlog.settings import Settings
from fusionlog.workers.train.leadership import PARTITION


async def request(
    settings: Settings, systems: Sequence[str], change: Callable[[TrainingRequest], TrainingRequest]
) -> None:
    """Change the requests of some systems (`*`: of all), and return when Kafka has them.

    :raises BrokerError: it does not take them.
    """
    topic, by = settings.topics.training, _user()
    found = [record for _, record in await read_all(settings, topic)]
    before = {each.system: each.request for each in found if each.request is not None}
    producer = Producer(settings, "cli")
    await producer.start()
    try:
        for name in systems:
            changed = change(before.get(name, TrainingRequest(by=by)))
            record = Training(system=name, request=TrainingRequest(
                by=by, paused=changed.paused, paused_at=changed.paused_at, now_at=changed.now_at
            ))  # fmt: skip
            await (await producer.send(topic, key_of(record), record, PARTITION))
    except KafkaError as error:
        why = failures.reason(error, settings.kafka, "Write")
        raise BrokerError(f"{topic.name} did not take the request, run it again: {why}") from error
    finally:
        await producer.stop()


def _user() -> str:
    """The name of the user of this process; a container may have none."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"
