"""`fusionlog train`: the trainings of all targets; one at once, a pause, or its end."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer
from msgspec.structs import replace
from rich.console import Console

from fusionlog import settings
from fusionlog.cli.printing import at, printable, user
from fusionlog.errors import SettingError
from fusionlog.records import Training, TrainingRequest, TrainingState
from fusionlog.releases import BASE
from fusionlog.settings import Settings
from fusionlog.topics import CANARY
from fusionlog.workers.train.due import StateName, Target, due, earliest, state_of

if TYPE_CHECKING:
    from fusionlog.workers.train.label_counts import LabelCounts

app = typer.Typer(
    help="Trainings that a train worker submits: list them, request one, pause and resume them.", no_args_is_help=True
)

System = Annotated[str | None, typer.Option(help="only this system; default: all")]


class TargetStatus(msgspec.Struct, frozen=True, kw_only=True):
    """The training of a target, as `--json` prints it; times are in Unix seconds, 0 of what has not been."""

    system: str
    state: StateName
    why: str
    labels: int
    new: int
    changed: int
    feedback: int
    failures: int
    job: str = ""
    decided_at: float = 0.0
    reasons: list[str] = []
    outcome: str = ""
    reason: str = ""
    version: str | None = None
    ended_at: float = 0.0
    seconds: float = 0.0
    next_at: float = 0.0


@app.command()
def status(
    system: System = None, json: Annotated[bool, typer.Option("--json", help="print one JSON object")] = False
) -> None:
    """Show each target's training: its state, why, its last result, and when it may be due.

    The drift of its windows is not read here: the metrics of the train worker have it.
    """
    config = settings.load()
    found = asyncio.run(_status(config, time.time()))
    settings.refuse_unknown(config, system, [each.system for each in found])
    shown = [each for each in found if system in (None, each.system)]
    if json:
        typer.echo(msgspec.json.encode({"targets": shown}).decode())
        return
    console = Console(soft_wrap=True)
    for each in shown:
        for line in status_lines(each):
            console.print(printable(line), markup=False, highlight=False)
    if not shown:
        console.print("no target yet: a system with a label is one (fusionlog worker label)", highlight=False)


@app.command()
def now(system: Annotated[list[str], typer.Option(help="the target; repeated")]) -> None:
    """Request a training at once, whatever the interval, a back-off or a pause: the train worker submits it next."""
    from fusionlog.workers.train.requests import request

    config, requested = settings.load(), time.time()
    for name in system:
        _check_trained(config, name)

    def change(before: TrainingRequest) -> TrainingRequest:
        return replace(before, now_at=requested)

    asyncio.run(request(config, system, user(), change))
    _print(f"requested for {', '.join(system)}: fusionlog train status")


@app.command()
def pause(system: System = None) -> None:
    """Submit no training any more, of one target or of all; a job that runs goes on."""
    asyncio.run(_pause(settings.load(), system, paused=True))
    _print(f"paused: {system or 'every system'} (undo: fusionlog train resume{_option(system)})")


@app.command()
def resume(system: System = None) -> None:
    """Submit trainings again, of one target, or of all, those that were paused by name included."""
    asyncio.run(_pause(settings.load(), system, paused=False))
    _print(f"resumed: {system or 'every system'}")


def status_lines(each: TargetStatus) -> Iterator[str]:
    """A target's training as lines of text."""
    yield f"{each.system}: {each.state}, {each.why}"
    if each.job:
        yield f"  job {each.job}, decided {at(each.decided_at)}: {', '.join(each.reasons)}"
    if each.outcome:
        version = f" {each.version}" if each.version else ""
        yield f"  last result {at(each.ended_at)}: {each.outcome}{version}, {each.reason}"
    if each.failures:
        yield f"  {each.failures} failures in a row, next attempt {at(each.next_at)}"


async def _status(config: Settings, now: float) -> list[TargetStatus]:
    from fusionlog.kafka.codecs import key_of
    from fusionlog.kafka.table import read_all
    from fusionlog.workers.train.label_counts import LabelCounts

    counts = LabelCounts()
    for _, label in await read_all(config, config.topics.labels):
        counts.take(key_of(label), label)
    for key, feedback in await read_all(config, config.topics.feedback):
        counts.take_feedback(key, feedback)
    found = await _read(config)
    states = {each.system: each.state for each in found if each.state is not None}
    requests = {each.system: each.request for each in found if each.request is not None}
    names = {*config.systems, *counts.systems, *states, *requests} - {BASE, CANARY}
    known = [name for name in sorted(names) if config.rules(name).adapts]
    return [status_of(config, name, states.get(name), requests, counts, now) for name in known]


def status_of(
    config: Settings, system: str, state: TrainingState | None, requests: Mapping[str, TrainingRequest],
    labels: LabelCounts, now: float,
) -> TargetStatus:  # fmt: skip
    """The training of a target as the worker that leads sees it, but for the drift of its windows."""
    target = Target(state, requests.get(system), requests.get(BASE))
    counts = labels.of(system, state.labels_until if state else 0.0)
    answer = due(target, counts, now, config.train, config.distill.min_labels)
    result = state.result if state else None
    shown = TargetStatus(
        system=system, state=state_of(target, answer), why=answer.why, labels=counts.labels, new=counts.new,
        changed=counts.changed, feedback=counts.feedback, failures=target.failures,
    )  # fmt: skip
    if state is not None:
        shown = replace(
            shown, job=state.job, decided_at=state.decided_at, reasons=state.reasons,
            next_at=earliest(state, config.train),
        )  # fmt: skip
    if result is not None:
        shown = replace(
            shown, outcome=result.outcome, reason=result.reason, version=result.version, ended_at=result.at,
            seconds=result.seconds,
        )  # fmt: skip
    return shown


async def _pause(config: Settings, system: str | None, *, paused: bool) -> None:
    from fusionlog.workers.train.requests import request

    if system is not None:
        _check_trained(config, system)
    changed_at = time.time()

    def change(before: TrainingRequest) -> TrainingRequest:
        return replace(before, paused=paused, paused_at=changed_at)

    await request(config, [system or BASE], user(), change)


async def _read(config: Settings) -> Sequence[Training]:
    from fusionlog.kafka.table import read_all

    return [record for _, record in await read_all(config, config.topics.training)]


def _check_trained(config: Settings, system: str) -> None:
    """:raises SettingError: the system is not known, or its method adopts no release of its own."""
    settings.refuse_unknown(config, system)
    if not config.rules(system).adapts:
        raise SettingError("--system", system, f"its method is {config.method_of(system)}, which distils nothing")


def _option(system: str | None) -> str:
    return "" if system is None else f" --system {system}"


def _print(text: str) -> None:
    Console(soft_wrap=True).print(printable(text), markup=False, highlight=False)
