"""Units and endpoints for the tests of labelling."""

from __future__ import annotations

from typing import Any

from fusionlog.labeling.teacher import Unit, UnitEvent
from fusionlog.settings import LabelSettings


def make_unit(*texts: str, system: str = "shop", policy: str = "alert on failures", first_id: int = 1) -> Unit:
    events = tuple(UnitEvent(id, text, 1) for id, text in enumerate(texts or ("connection opened",), first_id))
    return Unit(system=system, description="a web shop", policy=policy, events=events)


def make_settings(url: str, **fields: Any) -> LabelSettings:
    return LabelSettings(**{"url": url, "model": "tiny", "timeout": 5.0, "retries": 2, **fields})


class Clock:
    """Seconds that pass when told, or when slept."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
