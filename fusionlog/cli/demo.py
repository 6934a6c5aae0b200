"""`fusionlog demo`: the whole system on a recorded target, in one command."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer
from rich.console import Console
from rich.live import Live

from fusionlog.errors import FusionLogError, MissingExtraError
from fusionlog.utils.files import replace_file

if TYPE_CHECKING:
    from fusionlog.demo.plan import Plan

REFRESH_SECONDS = 0.5


def demo(
    data: Annotated[Path | None, typer.Option(help="directory of systems; default: the bundled ones")] = None,
    target: Annotated[str | None, typer.Option(help="the unlabelled system; default: the last one")] = None,
    source: Annotated[list[str] | None, typer.Option(help="a labelled system, repeated; default: all others")] = None,
    kafka: Annotated[str | None, typer.Option(help="host:port of a Kafka instead of the embedded broker")] = None,
    ray: Annotated[str | None, typer.Option(help="http://host:8265 of a Ray instead of a local one")] = None,
    llm_url: Annotated[
        str | None, typer.Option(help="an OpenAI-compatible endpoint; default: the target's recorded verdicts")
    ] = None,
    llm_model: Annotated[str | None, typer.Option(help="the model at that endpoint")] = None,
    offline: Annotated[bool, typer.Option("--offline", help="use the offline labeller as the teacher")] = False,
    seconds: Annotated[float, typer.Option(help="the least duration of the stream", min=0.0)] = 45.0,
    json: Annotated[Path | None, typer.Option(help="write the summary to this file")] = None,
    logs: Annotated[Path | None, typer.Option(help="keep the output of the processes in this directory")] = None,
) -> None:
    """Stream the lines of an unlabelled system through the workers and show the anomalies."""
    try:
        from fusionlog.demo.plan import make_plan
        from fusionlog.demo.run import Demo  # noqa: F401  (found missing now, not midway)
    except ModuleNotFoundError as error:
        raise MissingExtraError(error.name or "a package", "demo", "the demo") from error
    plan = make_plan(
        data, target, tuple(source or ()), offline,
        kafka=kafka, ray=ray, llm_url=llm_url, llm_model=llm_model, seconds=seconds, json=json, logs=logs,
    )  # fmt: skip
    try:
        interrupted = asyncio.run(_show(plan))
    except OSError as error:
        raise _one_sentence(error) from error
    if interrupted:
        Console(stderr=True).print("fusionlog: interrupted; everything that the demo started was stopped")
        raise typer.Exit(130)


async def _show(plan: Plan) -> bool:
    """Run the plan under a live view; returns whether it was interrupted."""
    from fusionlog.demo import view
    from fusionlog.demo.run import Demo

    demo, console, started = Demo(plan), Console(), time.monotonic()
    run = asyncio.create_task(demo.run())

    def stop() -> None:
        demo.progress.phase = "stopping everything"
        run.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop)
    with Live(console=console, auto_refresh=False) if console.is_terminal else contextlib.nullcontext() as live:
        phase = ""
        while not run.done():
            if live is not None:
                live.update(view.live(demo.progress, time.monotonic() - started), refresh=True)
            elif demo.progress.phase != phase:
                phase = demo.progress.phase
                console.print(f"{time.monotonic() - started:5.0f} s  {phase}", highlight=False)
            await asyncio.wait([run], timeout=REFRESH_SECONDS)
    if run.cancelled():
        return True
    summary = run.result()
    console.print(view.final(summary))
    for each in view.most_telling(list(demo.progress.anomalies.values()), plan.data / plan.target):
        console.print(each, highlight=False)
    if plan.json is not None:
        replace_file(plan.json, msgspec.json.format(msgspec.json.encode(summary)) + b"\n")
    return False


def _one_sentence(error: OSError) -> FusionLogError:
    """An operating system error as one sentence."""
    where = f" at {error.filename}" if error.filename else ""
    if error.errno == errno.ENOSPC:
        return FusionLogError(f"the disk is full{where}: free some, or set TMPDIR and FUSIONLOG_CACHE_DIR elsewhere")
    return FusionLogError(f"{error.strerror or error}{where}")
