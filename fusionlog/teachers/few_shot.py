"""Few-shot examples: sessions with a known verdict, sent to a teacher with every call."""

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
    """A session of a labelled system with its true label; `mistaken` where a teacher gave the other one."""

    system: str
    label: Label
    mistaken: bool
    events: tuple[UnitEvent, ...]


@runtime_checkable
class FewShotTeacher(Protocol):
    """A teacher that takes few-shot examples."""

    def show(self, examples: Sequence[FewShotExample]) -> None:
        """Send these examples with every call from now on, in place of those before."""


def few_shot_example(unit: Unit, anomalous: bool, mistaken: bool) -> FewShotExample:
    """The few-shot example of a unit with redacted lines.

    It has the first `MAX_EXAMPLE_EVENTS` events, each cut to `MAX_EXAMPLE_CHARS`."""
    events = tuple(
        msgspec.structs.replace(event, text=clip(event.text, MAX_EXAMPLE_CHARS))
        for event in unit.events[:MAX_EXAMPLE_EVENTS]
    )
    return FewShotExample(unit.system, "anomalous" if anomalous else "normal", mistaken, events)


def as_prompt(example: FewShotExample) -> dict[str, Any]:
    """An example as the JSON object of a prompt."""
    sent: dict[str, Any] = {
        "system": example.system,
        "events": [{"text": event.text, "count": event.count} for event in example.events],
        "label": example.label,
    }
    if example.mistaken:
        sent["mistaken_for"] = "normal" if example.label == "anomalous" else "anomalous"
    return sent
