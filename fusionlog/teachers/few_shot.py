"""Worked examples: sessions whose verdict is known, shown to a teacher beside those that it is asked about."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

import msgspec
from msgspec import Struct

from fusionlog.teachers.base import Unit, UnitEvent, clip
from fusionlog.teachers.llm.answers import Label

MAX_EXAMPLE_EVENTS = 20
"""Events of an example that are sent; they are sent with every call."""
MAX_EXAMPLE_CHARS = 200
"""Characters of such an event."""


class FewShotExample(Struct, frozen=True):
    """A session of a labelled system with its true verdict; `mistaken` where a teacher was asked and got it wrong."""

    system: str
    label: Label
    mistaken: bool
    events: tuple[UnitEvent, ...]


@runtime_checkable
class FewShotTeacher(Protocol):
    """A teacher that can be shown worked examples."""

    def show(self, examples: Sequence[FewShotExample]) -> None:
        """Show these with every call from now on, in place of those before."""


def few_shot_example(unit: Unit, anomalous: bool, mistaken: bool) -> FewShotExample:
    """A unit, whose lines are redacted already, as an example; its first events alone, cut to size."""
    events = tuple(
        msgspec.structs.replace(event, text=clip(event.text, MAX_EXAMPLE_CHARS))
        for event in unit.events[:MAX_EXAMPLE_EVENTS]
    )
    return FewShotExample(unit.system, "anomalous" if anomalous else "normal", mistaken, events)


def as_prompt(example: FewShotExample) -> dict[str, Any]:
    """An example as it stands in a prompt."""
    told: dict[str, Any] = {
        "system": example.system,
        "events": [{"text": event.text, "count": event.count} for event in example.events],
        "label": example.label,
    }
    if example.mistaken:
        told["mistaken_for"] = "normal" if example.label == "anomalous" else "anomalous"
    return told
