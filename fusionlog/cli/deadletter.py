"""`fusionlog deadletter`: list, show and replay the records that could not be used."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer
from rich.console import Console

from fusionlog import settings
from fusionlog.cli.printing import printable
from fusionlog.errors import FusionLogError, SettingError
from fusionlog.settings import Settings

if TYPE_CHECKING:
    from fusionlog.kafka.dead_letters import DeadLetter

app = typer.Typer(help="List, show and replay the records that could not be used.", no_args_is_help=True)

READ = 100_000
"""So many of the newest records of the dead-letter topic are read."""
SHOWN_BYTES = 2_000

Reason = Annotated[str | None, typer.Option(help="only of this reason, such as not-json or no-label")]
TopicName = Annotated[str | None, typer.Option(help="only of this topic")]
Stage = Annotated[str | None, typer.Option(help="only of this stage, the role of a worker")]
Json = Annotated[bool, typer.Option("--json", help="print one JSON object a line")]


@app.command("list")
def list_(
    reason: Reason = None, topic: TopicName = None, stage: Stage = None,
    limit: Annotated[int, typer.Option(min=1, help="the number of the newest ones")] = 20, json: Json = False,
) -> None:  # fmt: skip
    """List the dead letters: how many of each reason, then the newest ones, the newest last."""
    found = _chosen(settings.load(), (), reason, topic, stage)
    if json:
        for letter in found[-limit:]:
            typer.echo(msgspec.json.encode(_tree(letter)).decode())
        return
    console = Console(soft_wrap=True)
    for line in (*_summary(found), *(_line(letter) for letter in found[-limit:])):
        console.print(line, markup=False, highlight=False)


@app.command()
def show(
    places: Annotated[list[str], typer.Argument(help="topic/partition/offset, as listed")], json: Json = False
) -> None:
    """Show dead letters whole: why, where, when, key and value."""
    found = _chosen(settings.load(), places)
    _refuse_missing(places, found)
    for letter in found:
        if json:
            typer.echo(msgspec.json.encode(_tree(letter)).decode())
            continue
        Console(soft_wrap=True).print("\n".join(_whole(letter)), markup=False, highlight=False)


@app.command()
def replay(
    places: Annotated[list[str] | None, typer.Argument(help="topic/partition/offset, as listed")] = None,
    reason: Reason = None, topic: TopicName = None, stage: Stage = None,
    again: Annotated[bool, typer.Option("--again", help="those too that were replayed before")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="print what would be sent, and send nothing")] = False,
) -> None:  # fmt: skip
    """Send dead letters to their topics again, once what refused them is mended.

    A record gets the time of its replay as Kafka's timestamp. One that cannot be used is a dead letter again.
    """
    if not (places or reason or topic or stage):
        raise SettingError("--reason", None, "name places, a reason, a topic or a stage: not everything is replayed")
    config = settings.load()
    found = _chosen(config, places or (), reason, topic, stage)
    _refuse_missing(places or (), found)
    obstacles = [_obstacle(config, letter, again) for letter in found]
    ready = [letter for letter, obstacle in zip(found, obstacles, strict=True) if obstacle is None]
    if ready and not dry_run:
        asyncio.run(_replay(config, ready))
    for letter, obstacle in zip(found, obstacles, strict=True):
        typer.echo(f"{letter.place}: {obstacle or ('ready' if dry_run else 'replayed')}")
    typer.echo(f"{len(ready)} of {len(found)} dead letters {'would be' if dry_run else 'were'} replayed")


def _obstacle(config: Settings, letter: DeadLetter, again: bool) -> str | None:
    """Why a letter is not replayed."""
    if letter.replayed and not again:
        return "was replayed before (--again replays it once more)"
    if not letter.replayable:
        if letter.reason == "not-delivered":
            return "is tried again by the notify worker while its incident stands; what was refused, after its restart"
        return "is a part or a summary of its record, which was too long: read the record in its topic"
    if letter.topic not in {topic.name for topic in config.topics.all()}:
        return f"{letter.topic} is no topic of this deployment: see FUSIONLOG_TOPIC_PREFIX and FUSIONLOG_SYSTEMS_FILE"
    return None


def _chosen(
    config: Settings, places: Sequence[str], reason: str | None = None, topic: str | None = None,
    stage: str | None = None,
) -> list[DeadLetter]:  # fmt: skip
    from fusionlog.kafka.dead_letters import chosen, read_letters

    return chosen(asyncio.run(read_letters(config, READ)), places, reason, topic, stage)


async def _replay(config: Settings, letters: Sequence[DeadLetter]) -> None:
    from fusionlog.kafka.dead_letters import replay

    await replay(config, letters)


def _refuse_missing(places: Sequence[str], found: Sequence[DeadLetter]) -> None:
    missing = set(places) - {letter.place for letter in found}
    if missing:
        raise FusionLogError(f"no dead letter of {', '.join(sorted(missing))}: see  fusionlog deadletter list")


def _summary(letters: Sequence[DeadLetter]) -> Iterable[str]:
    """The number of letters of each reason, stage and topic."""
    counts = Counter((letter.reason, letter.stage, letter.topic) for letter in letters)
    replayed = sum(letter.replayed for letter in letters)
    yield f"{len(letters)} dead letters, {replayed} of them replayed" if letters else "no dead letter"
    for (reason, stage, topic), count in counts.most_common():
        yield f"  {count:8,}  {reason}  by {stage}  from {topic}"


def _line(letter: DeadLetter) -> str:
    mark = "  (replayed)" if letter.replayed else ""
    return f"{_time(letter)}  {letter.place}  {letter.reason}: {printable(letter.detail)}{mark}"


def _whole(letter: DeadLetter) -> Iterable[str]:
    yield _line(letter)
    yield f"  stage  {letter.stage}"
    yield f"  key    {printable((letter.key or b'').decode('utf-8', 'replace'))}"
    yield f"  value  {len(letter.value):,} bytes"
    yield printable(letter.value[:SHOWN_BYTES].decode("utf-8", "replace"))
    yield ""


def _tree(letter: DeadLetter) -> dict[str, Any]:
    return {
        "place": letter.place, "reason": letter.reason, "detail": letter.detail, "stage": letter.stage,
        "topic": letter.topic, "time": letter.at, "replayable": letter.replayable, "replayed": letter.replayed,
        "key_base64": b64encode(letter.key or b"").decode(), "value_base64": b64encode(letter.value).decode(),
    }  # fmt: skip


def _time(letter: DeadLetter) -> str:
    return datetime.fromtimestamp(letter.at, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
