"""`fusionlog notify`: list the targets of the notifications file, and try them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Annotated

import msgspec
import typer
from rich.console import Console

from fusionlog import settings
from fusionlog.cli.printing import printable
from fusionlog.errors import MissingExtraError, SettingError
from fusionlog.settings import Settings, Target, unknown_systems
from fusionlog.utils.suggestions import suggestion

app = typer.Typer(help="List and try the targets that are notified of incidents.", no_args_is_help=True)


class Tried(msgspec.Struct, frozen=True):
    """What became of the messages to a target; `problem` is None where it accepted all."""

    target: str
    type: str
    place: str
    messages: int
    problem: str | None
    seconds: float


@app.command("list")
def list_(json: Annotated[bool, typer.Option("--json", help="print a JSON object a line")] = False) -> None:
    """List the targets: name, type, address without its path, severity, systems."""
    config = settings.load()
    for target in _checked(config):
        wanted = target.settings
        found = {
            "target": target.name, "type": target.type, "place": target.place, "severity": wanted.severity,
            "systems": list(wanted.systems), "updates": list(wanted.updates), "send_resolved": wanted.send_resolved,
        }  # fmt: skip
        systems = ", ".join(wanted.systems) or "all systems"
        line = f"{target.name}  {target.type}  {target.place}  from {wanted.severity}  {systems}"
        _print(msgspec.json.encode(found).decode() if json else line)


@app.command()
def test(
    target: Annotated[list[str] | None, typer.Option(help="name of a target; repeat it; default: all")] = None,
    json: Annotated[bool, typer.Option("--json", help="print a JSON object a line")] = False,
) -> None:
    """Open and end a made-up incident at targets, without Kafka.

    Exit code 1 where one does not accept it.
    """
    config = settings.load()
    found = asyncio.run(_try_all(_chosen(_checked(config), target)))
    for each in found:
        _print(msgspec.json.encode(each).decode() if json else _line(each))
    if any(each.problem is not None for each in found):
        raise typer.Exit(1)


def checked(config: Settings) -> Sequence[Target]:
    """The targets of the notifications file.

    :raises SettingError: no file is set, or a target or its template cannot be used.
    """
    from fusionlog.incidents.notifications.fields import check
    from fusionlog.incidents.notifications.sample import sample

    targets = list(config.targets.values())
    for target in targets:
        check(target, sample(target, time.time()))
    return targets


def _checked(config: Settings) -> Sequence[Target]:
    """The same; systems that are not known are a line on stderr."""
    targets = checked(config)
    for sentence in unknown_systems(targets, config.described):
        Console(stderr=True, soft_wrap=True).print(sentence, style="yellow", highlight=False, markup=False)
    return targets


def _chosen(targets: Sequence[Target], names: Sequence[str] | None) -> Sequence[Target]:
    """The targets of some names.

    :raises SettingError: there is none of a name.
    """
    known = {each.name: each for each in targets}
    for name in names or ():
        if name not in known:
            raise SettingError("--target", name, f"the notifications file has none; {suggestion(name, known)}")
    return [known[name] for name in names] if names else targets


async def _try_all(targets: Sequence[Target]) -> list[Tried]:
    return list(await asyncio.gather(*map(_try, targets)))


async def _try(target: Target) -> Tried:
    try:
        from fusionlog.incidents.notifications.delivery import Delivery
    except ModuleNotFoundError as error:
        raise MissingExtraError(error.name or "httpx2", "agents", "notifying") from error
    from fusionlog.incidents.notifications.messages import request_of
    from fusionlog.incidents.notifications.sample import sample, sample_end

    began, now, messages, problem = time.monotonic(), time.time(), 0, None
    opened = sample(target, now)
    delivery = Delivery(target)
    try:
        for due in filter(None, (opened, sample_end(opened, target, now))):
            answer = await delivery.post(request_of([due], target, time.time()))
            if answer.outcome != "delivered":
                problem = answer.why
                break
            messages += 1
    finally:
        await delivery.close()
    return Tried(target.name, target.type, target.place, messages, problem, round(time.monotonic() - began, 2))


def _line(tried: Tried) -> str:
    what = f"accepted {tried.messages} message{'s' * (tried.messages != 1)}"
    return f"{tried.target}  {tried.type}  {what if tried.problem is None else tried.problem}  ({tried.seconds:g} s)"


def _print(line: str) -> None:
    Console(soft_wrap=True).print(printable(line), markup=False, highlight=False)
