"""Operators' requests of the trainings: a record a system, or one for all, read, changed and written again."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec.structs import replace

from fusionlog.kafka.table import read_all
from fusionlog.kafka.written import write
from fusionlog.records import Training, TrainingRequest
from fusionlog.settings import Settings


async def request(
    settings: Settings, systems: Sequence[str], by: str, change: Callable[[TrainingRequest], TrainingRequest]
) -> None:
    """Change the requests of some systems (`*`: of all), and return when Kafka has them.

    :raises BrokerError: it does not take them.
    """
    topic = settings.topics.training
    found = [record for _, record in await read_all(settings, topic)]
    before = {each.system: each.request for each in found if each.request is not None}
    new = [
        Training(system=name, request=replace(change(before.get(name, TrainingRequest(by=by))), by=by))
        for name in systems
    ]
    await write(settings, topic, {each.key: each for each in new})
