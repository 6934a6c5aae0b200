"""`fusionlog labels`: what the teacher's answers settle; revoke a wrong one, or restore it."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Annotated

import msgspec
import typer
from rich.console import Console

from fusionlog import settings
from fusionlog.cli.labels_view import event_lines, label_lines, revoked_lines, shape_lines
from fusionlog.cli.printing import printable, user
from fusionlog.errors import SettingError
from fusionlog.online import label_review as review
from fusionlog.online.label_review import Named, Review, ReviewedEvent, State
from fusionlog.records import ModelRelease, PseudoLabel
from fusionlog.settings import Settings
from fusionlog.utils.suggestions import suggestion

app = typer.Typer(
    help="What the teacher's answers settle: list it, revoke a wrong answer, restore it.", no_args_is_help=True
)

MAX_NOTE_CHARS = 1000

System = Annotated[str | None, typer.Option(help="only of this system")]
Names = Annotated[
    list[str],
    typer.Argument(
        metavar="EVENT_OR_SHAPE...",
        help="the id of an event or a window shape, or its beginning, or the text of an event, as `fusionlog labels "
        "list` shows it",
    ),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="print what would change, and change nothing")]


@app.command("list")
def show(
    system: System = None,
    event: Annotated[
        str | None, typer.Option(help="only events whose id begins so, or with this part of their text")
    ] = None,
    shape: Annotated[str | None, typer.Option(help="only the window shape whose id begins so, and its events")] = None,
    state: Annotated[
        State | None, typer.Option(help="only of this state; what is contradicted or revoked is asked again")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="the number of the newest events, and of the newest shapes")] = 20,
    skip: Annotated[int, typer.Option(min=0, help="leave out so many of the newest")] = 0,
    json: Annotated[bool, typer.Option("--json", help="print one JSON object")] = False,
) -> None:
    """Show the events and window shapes that have a label, the newest last.

    A provisional verdict is no label: it settles nothing, and is not listed.
    """
    config = settings.load()
    labels = asyncio.run(_labels(config))
    settings.refuse_unknown(config, system, labels)
    found = _selected([review.reviewed(each) for name, each in labels.items() if system in (None, name)], event, shape)
    events = [each for each in found.events if state in (None, each.state)]
    shapes = [each for each in found.shapes if state in (None, each.state)]
    newest, newest_shapes = events[_page(len(events), limit, skip)], shapes[_page(len(shapes), limit, skip)]
    if json:
        counts = {"total_events": len(events), "total_shapes": len(shapes)}
        typer.echo(msgspec.json.encode({**counts, "events": newest, "shapes": newest_shapes}).decode())
        return
    _print(line for each in newest for line in event_lines(each))
    _print(line for each in newest_shapes for line in shape_lines(each))
    if not labels or (system is not None and system not in labels):
        of = f" of {system}" if system else ""
        _report(f"{config.topics.labels.name} has no label{of} yet: run  fusionlog worker label")
    else:
        _report(f"{len(newest)} of {len(events)} events, {len(newest_shapes)} of {len(shapes)} window shapes")


@app.command()
def revoke(
    names: Names,
    system: System = None,
    by: Annotated[str | None, typer.Option(help="who revokes; default: the user of this process")] = None,
    note: Annotated[str, typer.Option(help="why")] = "",
    dry_run: DryRun = False,
) -> None:
    """Withdraw every label that settles these events, and the labels of these window shapes.

    Their windows are asked about again at the next one of each shape; workers need no restart. Released models are not
    changed: those that were trained with a revoked label are named.
    """
    if len(note) > MAX_NOTE_CHARS:
        raise SettingError("--note", f"{note[:40]}...", f"{MAX_NOTE_CHARS} characters at most, these are {len(note)}")
    asyncio.run(_revoke(settings.load(), names, system, by or user(), note, dry_run))


@app.command()
def restore(names: Names, system: System = None, dry_run: DryRun = False) -> None:
    """Undo `revoke`: put back the labels that were withdrawn with these events or window shapes.

    A shape that was asked about meanwhile keeps its new label.
    """
    asyncio.run(_restore(settings.load(), names, system, dry_run))


async def _revoke(
    config: Settings, names: Sequence[str], system: str | None, by: str, note: str, dry_run: bool
) -> None:
    labels, what = _find(await _labels(config), names, system)
    taken = review.withdrawn(labels, what)
    if not taken:
        _print(["revoked already: no label that stands has it"])
        return
    releases = review.trained_with(await _releases(config), taken)
    if not dry_run:
        await _write(config, review.revoked(taken, what, by, note, time.time()))
    _print(revoked_lines(labels, taken, what, releases, dry_run))


async def _restore(config: Settings, names: Sequence[str], system: str | None, dry_run: bool) -> None:
    labels, what = _find(await _labels(config), names, system)
    back = review.restorable(labels, what)
    if not back:
        _print(["nothing to restore: no revoked label has it, or its windows have new labels"])
        return
    if not dry_run:
        await _write(config, review.restored(back))
    _print([f"{back[0].system}: {len(back)} labels {'would be' if dry_run else 'are'} restored", *label_lines(back)])


async def _labels(config: Settings) -> dict[str, list[PseudoLabel]]:
    """The labels of each system."""
    from fusionlog.kafka.table import read_all

    found: dict[str, list[PseudoLabel]] = defaultdict(list)
    for _, label in await read_all(config, config.topics.labels):
        found[label.system].append(label)
    return dict(sorted(found.items()))


async def _releases(config: Settings) -> list[ModelRelease]:
    from fusionlog.kafka.table import read_all

    return [release for _, release in await read_all(config, config.topics.models)]


async def _write(config: Settings, labels: Sequence[PseudoLabel]) -> None:
    """Write labels, and wait until Kafka has them.

    :raises BrokerError: it does not take them.
    """
    from fusionlog.kafka.codecs import key_of
    from fusionlog.kafka.written import write

    await write(config, config.topics.labels, {key_of(label): label for label in labels})


def _find(
    labels: dict[str, list[PseudoLabel]], names: Sequence[str], system: str | None
) -> tuple[list[PseudoLabel], Named]:
    """The labels of the system that has all that is named, and what of it that is.

    :raises SettingError: no system has it, or several have.
    """
    if system is not None:
        if system not in labels:
            raise SettingError("--system", system, f"no label is of it; {suggestion(system, labels)}")
        return labels[system], review.named(labels[system], names)
    found, problem = dict[str, Named](), SettingError("EVENT_OR_SHAPE", names[0], "there is no label yet")
    for name, each in labels.items():
        try:
            found[name] = review.named(each, names)
        except SettingError as error:
            problem = error
    if len(found) > 1:
        raise SettingError("--system", None, f"{', '.join(found)} have labels of it: name one of them")
    for name, what in found.items():
        return labels[name], what
    raise problem


def _selected(reviews: Sequence[Review], event: str | None, shape: str | None) -> Review:
    """The events and shapes of some reviews that belong to an event, or a shape; the newest last."""
    events = [each for found in reviews for each in found.events if event is None or _matches(each, event)]
    shapes = [each for found in reviews for each in found.shapes if shape is None or each.shape.startswith(shape)]
    if event is not None:
        held = {(each.system, each.template) for each in events}
        shapes = [each for each in shapes if any((each.system, own.template) in held for own in each.events)]
    if shape is not None:
        held = {(each.system, own.template) for each in shapes for own in each.events}
        events = [each for each in events if (each.system, each.template) in held]
    return Review(sorted(events, key=lambda each: each.labelled_at), sorted(shapes, key=lambda each: each.labelled_at))


def _matches(event: ReviewedEvent, wanted: str) -> bool:
    return event.template.startswith(wanted) or wanted.casefold() in event.text.casefold()


def _page(number: int, limit: int, skip: int) -> slice:
    """The newest `limit` of a list whose last ones are the newest, after leaving out `skip` of them."""
    end = max(0, number - skip)
    return slice(max(0, end - limit), end)


def _print(lines: Iterable[str]) -> None:
    console = Console(soft_wrap=True)
    for line in lines:
        console.print(printable(line), markup=False, highlight=False)


def _report(text: str) -> None:
    Console(stderr=True, soft_wrap=True).print(text, markup=False, highlight=False)
