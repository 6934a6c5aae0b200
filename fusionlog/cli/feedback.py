"""`fusionlog feedback`: confirm or dismiss an anomaly, undo that, and list what stands."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Annotated

import msgspec
import typer
from rich.console import Console

from fusionlog import settings
from fusionlog.cli.printing import at, printable, user
from fusionlog.errors import SettingError
from fusionlog.online.giving_verdicts import LEAST_CHARS, MAX_NOTE_CHARS, is_named, on_anomaly, seconds_of
from fusionlog.online.incident_verdicts import on_incident
from fusionlog.records import Anomaly, Feedback
from fusionlog.settings import Settings

READ = 100_000
"""So many of the newest anomalies of each partition are read."""


class Given(StrEnum):
    """What is given on an anomaly."""

    confirm = "confirm"
    dismiss = "dismiss"
    undo = "undo"


class Scope(StrEnum):
    """What a verdict is about."""

    shape = "shape"
    event = "event"
    incident = "incident"


def feedback(
    id: Annotated[
        str | None,
        typer.Argument(help="the id of an anomaly or an incident, or its beginning; default: list what stands"),
    ] = None,
    verdict: Annotated[Given | None, typer.Argument(help="confirm, dismiss or undo")] = None,
    duration: Annotated[
        str | None,
        typer.Option("--for", help="how long a dismissal mutes, such as 90m, 12h, 7d or 2w; default: always"),
    ] = None,
    scope: Annotated[
        Scope | None,
        typer.Option(
            help="windows of this shape, all that its most telling event tells of, or those of the incident ID; "
            "default: shape"
        ),
    ] = None,
    event: Annotated[
        str | None, typer.Option(help="another event of the anomaly: its id, or a part of its text; scope event")
    ] = None,
    note: Annotated[str, typer.Option(help="why")] = "",
    by: Annotated[str | None, typer.Option(help="who; default: the user of this process")] = None,
    system: Annotated[str | None, typer.Option(help="of the list: only of this system")] = None,
    json: Annotated[bool, typer.Option("--json", help="of the list: one JSON object a line")] = False,
) -> None:
    """Confirm or dismiss an anomaly; workers follow at once. Without an ID, list what stands.

    A dismissal mutes anomalies of the same window shape, or those that the same event alone tells of; that of an
    incident, those that the telling events of its anomalies tell of. Without --for it
    is a label as well, as a confirmation is: no teacher and no model overrules it, and the next distillation is trained
    with it.
    """
    config = settings.load()
    if id is None:
        _print(asyncio.run(_list(config, system, json)))
    elif verdict is None:
        raise SettingError("VERDICT", None, f"say what it is:  fusionlog feedback {id} confirm|dismiss|undo")
    elif verdict is Given.undo:
        _print(asyncio.run(_undo(config, id)))
    else:
        if len(note) > MAX_NOTE_CHARS:
            raise SettingError("--note", f"{note[:40]}...", f"{MAX_NOTE_CHARS} characters at most, not {len(note)}")
        if duration is not None and verdict is Given.confirm:
            raise SettingError("--for", duration, "only a dismissal ends; a confirmation is undone by  undo")
        now = time.time()
        until = None if duration is None else now + seconds_of(duration)
        given = Feedback(
            anomaly="", system="", shape="", verdict="confirm" if verdict is Given.confirm else "dismiss",
            by=by or user(), at=now, note=note, until=until,
        )  # fmt: skip
        is_of_event = scope is Scope.event or (scope is None and event is not None)
        if event is not None and not is_of_event:
            raise SettingError("--event", event, "it goes with  --scope event")
        if scope is Scope.incident:
            _print(asyncio.run(_give_on_incident(config, id, given)))
        else:
            _print(asyncio.run(_give(config, id, given, is_of_event, event)))


async def _give(config: Settings, id: str, given: Feedback, is_of_event: bool, event: str | None) -> list[str]:
    from fusionlog.kafka.codecs import key_of
    from fusionlog.kafka.written import write

    anomaly = chosen(await _anomalies(config), id, config.topics.anomalies.name)
    found = on_anomaly(anomaly, given, is_of_event, event)
    await write(config, config.topics.feedback, {key_of(found): found})
    lines = [line(found), f"  undo: fusionlog feedback {anomaly.id[:12]} undo"]
    return [*lines, "  it ends by itself, and is no label: no model learns it"] if found.until else lines


async def _give_on_incident(config: Settings, id: str, given: Feedback) -> list[str]:
    from fusionlog.cli.incidents import chosen as chosen_incident
    from fusionlog.kafka.codecs import key_of
    from fusionlog.kafka.table import read_all
    from fusionlog.kafka.written import write

    incident = chosen_incident(id, [each for _, each in await read_all(config, config.topics.incidents)])
    ids = frozenset(incident.anomaly_ids)
    last = {each.id: each for each in await _anomalies(config) if each.id in ids}
    verdicts = on_incident(incident.id, (each for each in last.values() if not each.withdrawn), given)
    if not verdicts:
        raise SettingError(
            "ID", id, f"none of its anomalies is among the newest {READ:,} of each partition of "
            f"{config.topics.anomalies.name}: there is nothing to mute",
        )  # fmt: skip
    await write(config, config.topics.feedback, {key_of(each): each for each in verdicts})
    found = [line(each) for each in verdicts]
    return [
        f"{len(found)} verdict{'s' * (len(found) != 1)} of {len(last)} of its {incident.anomalies} anomalies:",
        *(f"  {each}" for each in found), f"  undo: fusionlog feedback {incident.id[:12]} undo",
    ]  # fmt: skip


def chosen(anomalies: Iterable[Anomaly], id: str, topic: str) -> Anomaly:
    """The anomaly whose id begins so, as its last record has it.

    :raises SettingError: there is none, or there are several, or the beginning is too short.
    """
    found = {each.id: each for each in anomalies if each.id.startswith(id)}
    if len(id) < LEAST_CHARS or len(found) > 1:
        raise SettingError(
            "ID", id, f"{len(found)} anomalies have ids that begin so: name {LEAST_CHARS} characters or more"
        )
    if not found:
        raise SettingError(
            "ID", id, f"no anomaly among the newest {READ:,} of each partition of {topic} begins so; the id of an "
            "incident goes with  --scope incident",
        )  # fmt: skip
    return next(iter(found.values()))


async def _undo(config: Settings, id: str) -> list[str]:
    from fusionlog.kafka.written import write

    standing = await _standing(config)
    found = {key: each for key, each in standing.items() if is_named(each, id)}
    if not found:
        raise SettingError("ID", id, "no verdict that stands is on it: see  fusionlog feedback")
    await write(config, config.topics.feedback, dict.fromkeys(found))
    return [f"undone: {line(each)}" for each in found.values()]


async def _list(config: Settings, system: str | None, json: bool) -> list[str]:
    standing = await _standing(config)
    settings.refuse_unknown(config, system, [each.system for each in standing.values()])
    found = sorted((each for each in standing.values() if system in (None, each.system)), key=lambda each: each.at)
    if json:
        return [msgspec.json.encode(each).decode() for each in found]
    return [line(each) for each in found] or ["no verdict of an operator stands"]


def line(feedback: Feedback) -> str:
    """A verdict in a line."""
    target = f"shape {feedback.shape[:12]}"
    if feedback.scope == "event":
        target = f"{'missing event' if feedback.absent else 'event'} {feedback.event[:12]} {feedback.text!r}"
    until = "" if feedback.until is None else f" until {at(feedback.until)}"
    note = f": {feedback.note}" if feedback.note else ""
    return (
        f"{at(feedback.at)}  {feedback.system}  {feedback.verdict}{until}  {target}, "
        f"{_given_on(feedback)}, by {feedback.by}{note}"
    )


def _given_on(feedback: Feedback) -> str:
    """The incident or the anomaly that a verdict was given on."""
    if feedback.incident is not None:
        return f"incident {feedback.incident[:12]}"
    return f"anomaly {feedback.anomaly[:12]}"


async def _anomalies(config: Settings) -> Sequence[Anomaly]:
    from fusionlog.kafka.table import read_all

    return [anomaly for _, anomaly in await read_all(config, config.topics.anomalies, READ)]


async def _standing(config: Settings) -> dict[str, Feedback]:
    """The verdicts that stand, by the key of their record; one that ended stands no more."""
    from fusionlog.kafka.table import read_all

    found: list[tuple[str, Feedback]] = await read_all(config, config.topics.feedback)
    return {key: each for key, each in found if each.until is None or each.until > time.time()}


def _print(lines: Iterable[str]) -> None:
    console = Console(soft_wrap=True)
    for each in lines:
        console.print(printable(each), markup=False, highlight=False)
