"""The canary's sessions that came out as anomalies, read back from the anomalies topic."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

from fusionlog.kafka.table import Refused, Table
from fusionlog.kafka.table_dead_letters import log_refused
from fusionlog.records import Anomaly, Seconds
from fusionlog.settings import Settings
from fusionlog.topics import CANARY
from fusionlog.workers.canary.sessions import Session, session_of

LOOKBACK_SECONDS = 3600.0
"""What a starting canary reads back, so that the age of the last known anomaly survives a restart."""


class Arrival(NamedTuple):
    """A session that came out as an anomaly: the time and the source of its verdict, a release or a teacher."""

    session: Session
    at: Seconds
    source: str


def arrivals_table(
    settings: Settings, on_arrival: Callable[[Arrival], None], refused: Refused = log_refused,
    seconds: float = LOOKBACK_SECONDS,
) -> Table:  # fmt: skip
    """A table that gives the arrivals of the last so many seconds, and those that follow, to `on_arrival`."""

    def on_record(key: str, anomaly: Anomaly | None) -> None:
        session = session_of(anomaly.session) if anomaly is not None and not anomaly.withdrawn else None
        if anomaly is not None and session is not None:
            on_arrival(Arrival(session, anomaly.detected_at, anomaly.verdict_source))

    topic, since = settings.topics.anomalies, max(0.0, time.time() - seconds)
    return Table(settings, topic, on_record, refused, since=since, prefix=f"{CANARY}/".encode())


async def read_arrivals(settings: Settings, seconds: float = LOOKBACK_SECONDS) -> list[Arrival]:
    """The arrivals of the last so many seconds, the newest last: for a command that shows how the deployment is.

    The age of the canary is that of the last known anomaly (`session.kind`); a normal session among them is a false
    alarm. An empty list while the canary runs: nothing has come through.

    :raises BrokerError: Kafka does not answer, or the topic is missing.
    """
    found: list[Arrival] = []
    table = arrivals_table(settings, found.append, seconds=seconds)
    await table.start()
    await table.stop()
    return sorted(found, key=lambda each: each.at)
