"""Made-up units: they test an endpoint without a line of any system, so that no line can have swayed the answer."""

from __future__ import annotations

from msgspec.structs import replace

from fusionlog.teachers.base import Unit, UnitEvent, clip

SYSTEM = "made-up"
_DESCRIPTION = "a web shop that is made up, to test this endpoint"
_POLICY = "alert on failed or lost orders"
_SESSIONS = (
    ("order opened", "payment accepted", "order shipped"),
    ("order opened", "payment refused: the bank does not answer", "order cancelled"),
    ("customer signed in", "cart updated", "customer signed out"),
    ("order opened", "database write failed: disk is full"),
    ("nightly report started", "nightly report finished"),
    ("payment accepted", "order lost: no such record in the warehouse"),
)


def _unit(texts: tuple[str, ...]) -> Unit:
    events = tuple(UnitEvent(id, text, 1) for id, text in enumerate(texts, 1))
    return Unit(SYSTEM, _DESCRIPTION, _POLICY, events)


UNITS = tuple(map(_unit, _SESSIONS))
"""Six windows of a web shop, three of them with a failure."""
UNIT = UNITS[1]

SHORT_EVENTS = 15
SHORT_CHARS = 100


def shortened(unit: Unit) -> Unit:
    """A unit that is shorter, for a model whose context the whole one exceeds: fewer events, of fewer characters.

    Nothing stands beside it. A unit that is that short is halved. Events that are left out get no verdict.
    """
    length = max((len(event.text) for event in unit.events), default=0)
    short = len(unit.events) <= SHORT_EVENTS and length <= SHORT_CHARS
    count = max(len(unit.events) // 2, 1) if short else SHORT_EVENTS
    limit = max(length // 2, 20) if short else SHORT_CHARS
    return replace(unit.alone, events=tuple(replace(each, text=clip(each.text, limit)) for each in unit.events[:count]))
