"""`fusionlog models diff`: what is different between two releases."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console

from fusionlog import settings
from fusionlog.cli.printing import at, printable
from fusionlog.online.rollback import chosen
from fusionlog.records import BankEvent, ModelRelease

SHOWN_EVENTS = 20
"""Events of each kind that are printed, at most."""


class Changed(msgspec.Struct, frozen=True):
    """A value of both releases."""

    before: Any
    after: Any


class MovedEvent(msgspec.Struct, frozen=True):
    """An event of both banks with another probability."""

    text: str
    before: float
    after: float


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """What is different between two releases. `fields` are those that differ, by name."""

    a: str
    b: str
    fields: dict[str, Changed]
    added: list[str]
    removed: list[str]
    moved: list[MovedEvent]
    common_events: int


def diff(
    a: Annotated[str, typer.Argument(help="the beginning of a version shown by `fusionlog models list`")],
    b: Annotated[str, typer.Argument(help="that of another one")],
    json: Annotated[bool, typer.Option("--json", help="print one JSON object, with all events")] = False,
) -> None:
    """Show what is different between two releases: lineage, labels, metrics, thresholds, calibration, events of the
    bank. Exit code 0, also where nothing is."""
    from fusionlog.workers.operator_actions import read_releases

    found = asyncio.run(read_releases(settings.load()))
    difference = between(chosen(found, a), chosen(found, b))
    if json:
        typer.echo(msgspec.json.encode(difference).decode())
        return
    for line in lines(difference):
        Console(soft_wrap=True).print(printable(line), markup=False, highlight=False)


def between(a: ModelRelease, b: ModelRelease) -> Difference:
    """The difference of two releases; an event is one by its system and text."""
    before, after = _fields(a), _fields(b)
    bank, other = _bank(a), _bank(b)
    return Difference(
        a=a.version, b=b.version,
        fields={
            name: Changed(before.get(name), after.get(name))
            for name in dict.fromkeys((*before, *after)) if before.get(name) != after.get(name)
        },
        added=sorted(other.keys() - bank.keys()), removed=sorted(bank.keys() - other.keys()),
        moved=[
            MovedEvent(text, each.probability, other[text].probability)
            for text, each in sorted(bank.items()) if text in other and each.probability != other[text].probability
        ],
        common_events=len(bank.keys() & other.keys()),
    )  # fmt: skip


def lines(found: Difference) -> Iterator[str]:
    """A difference for a person."""
    yield f"{found.a} -> {found.b}"
    width = max((len(name) for name in found.fields), default=0)
    for name, each in found.fields.items():
        yield f"  {name:{width}}  {_shown(name, each.before)} -> {_shown(name, each.after)}"
    if not found.fields:
        yield "  the same lineage, metrics, thresholds and calibration"
    yield f"  events    {found.common_events} in both, {len(found.added)} added, {len(found.removed)} removed, " \
        f"{len(found.moved)} with another probability"  # fmt: skip
    yield from _some("+", found.added)
    yield from _some("-", found.removed)
    yield from _some("~", [f"{each.text}: {each.before:.2f} -> {each.after:.2f}" for each in found.moved])


def _some(mark: str, texts: list[str]) -> Iterator[str]:
    yield from (f"    {mark} {each}" for each in texts[:SHOWN_EVENTS])
    if len(texts) > SHOWN_EVENTS:
        yield f"    {mark} and {len(texts) - SHOWN_EVENTS} more: --json has all"


def _bank(release: ModelRelease) -> Mapping[str, BankEvent]:
    return {f"{each.system}: {each.text}": each for each in release.bank}


def _fields(release: ModelRelease) -> dict[str, Any]:
    """What is compared of a release, by name: all but the bank and the bytes of the model, of which the digest is."""
    left_out = {"v", "version", "bank", "onnx", "vectors", "profile", "signature", "lineage", "calibration", "metrics"}
    own = {name: msgspec.to_builtins(getattr(release, name)) for name in release.__struct_fields__}
    found = {name: value for name, value in own.items() if name not in left_out}
    lineage = {f"lineage.{name}": value for name, value in own["lineage"].items()}
    metrics = {f"metrics.{name}": value for name, value in sorted(own["metrics"].items())}
    return {**found, **lineage, **_calibration(own["calibration"]), **metrics}


def _calibration(value: Mapping[str, Any] | None) -> dict[str, Any]:
    return {} if value is None else {f"calibration.{name}": each for name, each in value.items()}


def _shown(name: str, value: Any) -> str:
    if value is None:
        return "none"
    if name == "created":
        return at(value)
    text = f"{value:.4g}" if isinstance(value, float) else value if isinstance(value, str) else _json(value)
    return text if len(text) <= 80 else f"{text[:79]}…"


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
