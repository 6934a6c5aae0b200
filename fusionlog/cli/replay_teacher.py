"""`fusionlog replay-teacher`: recorded verdicts behind an OpenAI-compatible endpoint."""

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
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one")] = 8089,
    latency: Annotated[float, typer.Option(min=0.0, help="seconds that a call takes")] = 0.0,
    fail: Annotated[float, typer.Option(min=0.0, max=1.0, help="share of calls answered 429")] = 0.0,
    garble: Annotated[float, typer.Option(min=0.0, max=1.0, help="share of answers cut in half")] = 0.0,
    flip: Annotated[float, typer.Option(min=0.0, max=1.0, help="share of calls whose labels are turned round")] = 0.0,
    seed: Annotated[int, typer.Option(help="of the shares")] = 0,
) -> None:
    """Answer as a language model did once: an OpenAI-compatible endpoint over recorded verdicts."""
    try:
        from fusionlog.teachers.recorded.chat import RecordedTeacher
        from fusionlog.teachers.recorded.server import InjectedFaults
    except ModuleNotFoundError as error:
        raise MissingExtraError(error.name or "aiohttp", "agents", "replaying a teacher") from error
    replay = RecordedTeacher(read_recordings(files))
    asyncio.run(_serve(replay, InjectedFaults(latency, fail, garble, flip, seed), host, port))


async def _serve(replay: RecordedTeacher, trouble: InjectedFaults, host: str, port: int) -> None:
    """Serve until SIGTERM or SIGINT."""
    from fusionlog.teachers.recorded.server import serving

    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    async with serving(replay, trouble, host, port) as url:
        typer.echo(f"recorded verdicts of {', '.join(sorted(replay.recordings)) or 'no system'} at {url}")
        await ended.wait()
