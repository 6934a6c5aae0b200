"""The record of the state of a running worker."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from fusionlog.records.base import Record, Seconds, Sum, SystemName

Lag = Annotated[float, Meta(ge=0)]


class SystemCounts(Struct, frozen=True, kw_only=True):
    """What a worker has counted of a system since its start."""

    lines: Annotated[Sum, Meta(description="Lines read.", examples=[120000])] = 0
    dropped: Annotated[
        Sum, Meta(description="Lines dropped by a rule, dead-lettered, or deleted unread.", examples=[3])
    ] = 0
    windows: Annotated[Sum, Meta(description="Windows made of lines.", examples=[6000])] = 0
    proprietary: Annotated[Sum, Meta(description="Those for the teacher.", examples=[40])] = 0
    decided: Annotated[Sum, Meta(description="Windows with a verdict.", examples=[5990])] = 0
    anomalies: Annotated[Sum, Meta(description="Anomalies published.", examples=[7])] = 0
    muted: Annotated[Sum, Meta(description="Anomalies kept back by an operator's dismissal.", examples=[2])] = 0


class WorkerState(Record, frozen=True, kw_only=True):
    """The state of a worker: written at its start, on a change, every ten seconds, and, `stopped`, at its end.

    Of the records with one `worker` the last one counts; a worker without one for a minute is gone.
    """

    worker: Annotated[
        str, Meta(description="Name of the process: its host and process id.", examples=["fusionlog-score-0:1"])
    ]
    role: Annotated[str, Meta(description="Its role.", examples=["score"])]
    version: Annotated[str, Meta(description="Version of FusionLog.", examples=["0.1.0"])]
    started: Annotated[Seconds, Meta(description="When it started.", examples=[1764241035.2])]
    at: Annotated[Seconds, Meta(description="When it wrote this.", examples=[1764241095.2])]
    ready: Annotated[bool, Meta(description="Whether it is ready.", examples=[True])]
    reasons: Annotated[
        list[str], Meta(description="Why it is not ready.", examples=[["the tables are not read yet"]])
    ] = []
    degraded: Annotated[
        list[str],
        Meta(description="What works less well than it should.", examples=[["the teacher is away: 401 Unauthorized"]]),
    ] = []
    models: Annotated[
        dict[str, str | None],
        Meta(
            description="Version of the release in use by system; null: it waits for one.",
            examples=[{"shop": "20261127T124410Z-shop-4f1a"}],
        ),
    ] = {}
    teacher: Annotated[str | None, Meta(description="Name of its teacher.", examples=["llm:gpt-4o-mini"])] = None
    lag: Annotated[
        Lag | None, Meta(description="Records that it has not handled yet; null: not known.", examples=[12.0])
    ] = None
    last_verdict: Annotated[
        Seconds | None, Meta(description="When windows last got verdicts; null: never.", examples=[1764241094.7])
    ] = None
    systems: Annotated[
        dict[SystemName, SystemCounts],
        Meta(description="Its counts by system.", examples=[{"shop": {"lines": 120000, "windows": 6000}}]),
    ] = {}
    stopped: Annotated[bool, Meta(description="Whether it has stopped.", examples=[False])] = False
