"""`fusionlog replay-teacher`: serve recorded verdicts at an OpenAI-compatible endpoint."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fusionlog.errors import MissingExtraError
from fusionlog.teachers.recorded.recordings import read_recordings

if TYPE_CHECKING:
    from fusionlog.teachers.recorded.chat import RecordedTeacher
    from fusionlog.teachers.recorded.server import InjectedFaults


def replay_teacher(
    files: Annotated[list[Path], typer.Argument(metavar="FILE…", help="recorded verdicts, verdicts.jsonl")],
    host: Annotated[str, typer.Option(help="the address to listen on")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 for a free one")] = 8089,
    latency: Annotated[float, typer.Option(min=0.0, help="seconds per call")] = 0.0,
    fail: Annotated[float, typer.Option(min=0.0, max=1.0, help="share of calls answered with status 429")] = 0.0,
    garble: Annotated[float, typer.Option(min=0.0, max=1.0, help="share of truncated answers")] = 0.0,
    flip: Annotated[float, typer.Option(min=0.0, max=1.0, help="share of calls with inverted labels")] = 0.0,
    seed: Annotated[int, typer.Option(help="the random seed of these shares")] = 0,
) -> None:
    """Serve recorded verdicts of a language model at an OpenAI-compatible endpoint."""
    try:
        from fusionlog.teachers.recorded.chat import RecordedTeacher
        from fusionlog.teachers.recorded.server import InjectedFaults
    except ModuleNotFoundError as error:
        raise MissingExtraError(error.name or "aiohttp", "agents", "replaying a teacher") from error
    replay = RecordedTeacher(read_recordings(files))
    asyncio.run(_serve(replay, InjectedFaults(latency, fail, garble, flip, seed), host, port))


async def _serve(replay: RecordedTeacher, faults: InjectedFaults, host: str, port: int) -> None:
    """Serve until SIGTERM or SIGINT."""
    from fusionlog.teachers.recorded.server import serving

    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    async with serving(replay, faults, host, port) as url:
        typer.echo(f"recorded verdicts of {', '.join(sorted(replay.recordings)) or 'no system'} at {url}")
        await ended.wait()
