"""Topics with the prefix of raw topics that belong to no system: nothing reads the lines in them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator

import structlog

from fusionlog.errors import BrokerError
from fusionlog.kafka.client import partition_counts
from fusionlog.settings import Settings
from fusionlog.topics import CANARY
from fusionlog.utils.suggestions import nearest

log = structlog.get_logger(__name__)

EVERY_SECONDS = 60.0


def stray_topics(settings: Settings, names: Iterable[str]) -> list[str]:
    """The raw topics of no system, sorted; with an empty prefix no name tells a raw topic from another one.

    :param names: of the topics that Kafka lists.
    """
    topics, prefix = settings.topics, settings.raw_prefix
    if not prefix:
        return []
    systems = (*settings.described, *settings.systems, CANARY)
    own = {topic.name for topic in topics.own()} | {topics.raw(name).name for name in systems}
    keyed = topics.keyed("").name
    return sorted(
        name for name in names if name.startswith(prefix) and name not in own and not name.startswith(keyed)
    )  # fmt: skip


def stray_sentence(settings: Settings, topic: str) -> str:
    """What is wrong with a raw topic of no system, and what to do."""
    system = topic.removeprefix(settings.raw_prefix)
    near = nearest(system, settings.described)
    meant = f"did you mean {near}? Let its shipper write to {settings.topics.raw(near).name}, or " if near else ""
    place = settings.systems_file or "a systems file (FUSIONLOG_SYSTEMS_FILE)"
    return f"belongs to no system, so its lines are not read: {meant}add {system} to {place}"


class StrayTopics:
    """Gives each raw topic of no system once, for as long as it is one."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._known: frozenset[str] = frozenset()

    def news(self, names: Iterable[str]) -> Iterator[str]:
        """A sentence on each topic that was none before.

        :param names: of the topics that Kafka lists.
        """
        found = stray_topics(self._settings, names)
        for name in found:
            if name not in self._known:
                yield f"topic {name} {stray_sentence(self._settings, name)}"
        self._known = frozenset(found)


async def watch_stray_topics(settings: Settings) -> None:
    """Warn of each raw topic of no system that comes later; those that are there now were named at the start."""
    stray, first = StrayTopics(settings), True
    while True:
        try:
            names = await partition_counts(settings.kafka)
        except BrokerError as error:
            log.debug("the topics could not be listed", why=str(error))
        else:
            for sentence in stray.news(names):
                (log.debug if first else log.warning)(sentence)
            first = False
        await asyncio.sleep(EVERY_SECONDS)
