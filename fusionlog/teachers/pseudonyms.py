"""The pseudonyms of a call to a language model: in its units and examples, and mapped back in its reasons."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from fusionlog.teachers.base import Unit, Verdict
from fusionlog.teachers.few_shot import FewShotExample
from fusionlog.utils.redaction import redact
from fusionlog.utils.redaction.pseudonyms import Pseudonyms

Value = TypeVar("Value")

_OPERATORS = frozenset({"system", "description", "policy", "label", "level", "names"})
"""Fields of a unit that the operator wrote, or that hold words of ours."""


def with_names(unit: Unit) -> Unit:
    """A unit whose texts have the names for which pseudonyms will stand."""
    if unit.names is None:
        return unit
    events = tuple(replace(event, text=text) for event, text in zip(unit.events, unit.names.texts, strict=True))
    return replace(unit, events=events, names=replace(unit.names, texts=()))


def without_names(unit: Unit) -> Unit:
    """A unit as it leaves without pseudonyms: redacted as a whole."""
    return unit if unit.names is None else replace(unit, names=None)


def named(unit: Unit, pseudonyms: bool) -> Unit:
    """A unit with the names for which pseudonyms will stand, or without any."""
    return with_names(unit) if pseudonyms else without_names(unit)


def hidden(
    units: Sequence[Unit], examples: Sequence[FewShotExample], pseudonyms: bool
) -> tuple[Sequence[Unit], Sequence[FewShotExample], Pseudonyms | None]:
    """The units and examples of a call as they are sent, and its pseudonyms.

    :param units: as `named` makes them.
    """
    names = pseudonyms_of(units, examples) if pseudonyms else None
    hide = names.hide if names else redact
    return changed(tuple(units), hide), changed(tuple(examples), hide), names


def pseudonyms_of(units: Sequence[Unit], examples: Sequence[FewShotExample] = ()) -> Pseudonyms:
    """The pseudonyms of a call. What the operator wrote about the system stays."""
    texts = [text for each in (*units, *examples) for text in _texts(each)]
    names = dict.fromkeys(name for unit in units if unit.names for name in unit.names.header)
    kept = " ".join(f"{unit.description} {unit.policy}" for unit in units[:1])
    return Pseudonyms(texts, names, kept)


def changed(value: Value, change: Callable[[str], str]) -> Value:
    """A unit or an example with each text of a line changed."""
    return _changed(value, change)  # type: ignore[no-any-return]


def restored(verdict: Verdict, pseudonyms: Pseudonyms) -> Verdict:
    """A verdict whose reasons have the names in place of their pseudonyms."""
    events = tuple(replace(event, reason=pseudonyms.restore(event.reason)) for event in verdict.events)
    return replace(verdict, reason=pseudonyms.restore(verdict.reason), events=events)


def _changed(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, tuple):
        return tuple(_changed(each, change) for each in value)
    if not isinstance(value, Struct):
        return value
    fields = {name: getattr(value, name) for name in value.__struct_fields__ if name not in _OPERATORS}
    return replace(value, **{name: _changed(field, change) for name, field in fields.items()})


def _texts(value: Any) -> Iterator[str]:
    texts: list[str] = []

    def note(text: str) -> str:
        texts.append(text)
        return text

    _changed(value, note)
    yield from texts
