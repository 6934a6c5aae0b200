"""`fusionlog evaluate`: compare methods on labelled systems, each the unlabelled target of the others."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from fusionlog import settings
from fusionlog.data.bundled import DATASETS
from fusionlog.errors import MissingExtraError, SettingError
from fusionlog.observability.logs import configure
from fusionlog.settings import Settings
from fusionlog.utils.masking import masked_url

if TYPE_CHECKING:
    from fusionlog.embedding.encoder import NamedEncode
    from fusionlog.evaluation.matrix import Done, Task
    from fusionlog.evaluation.runner import Runner
    from fusionlog.evaluation.state import State

INTERRUPTED = 130
Fold = Literal["forward", "reverse", "both"]


def evaluate(
    data: Annotated[Path | None, typer.Option(help="directory of systems; default: the bundled ones")] = None,
    target: Annotated[list[str] | None, typer.Option(help="the unlabelled system, repeated; default: each")] = None,
    source: Annotated[list[str] | None, typer.Option(help="a labelled system, repeated; default: all others")] = None,
    method: Annotated[list[str] | None, typer.Option(help="repeated; default: fusionlog+online")] = None,
    llm_url: Annotated[
        str | None,
        typer.Option(help="an OpenAI-compatible endpoint; default: recorded verdicts, else the offline labeller"),
    ] = None,
    llm_model: Annotated[str | None, typer.Option(help="the model at that endpoint")] = None,
    offline: Annotated[bool, typer.Option("--offline", help="use the offline labeller as the teacher")] = False,
    verdicts: Annotated[
        str | None, typer.Option(help="the file of recorded verdicts in a system's directory; default: verdicts.jsonl")
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, help="seeds 0 to N-1; the tables have 5")] = 1,
    fold: Annotated[Fold, typer.Option(help="adapt on the earlier half, the later, or each in turn")] = "both",
    json: Annotated[
        Path | None, typer.Option(help="write the rows to this file; an interrupted run resumes from its .state.jsonl")
    ] = None,
    predictions: Annotated[Path | None, typer.Option(help="write the verdicts on the test halves to this file")] = None,
    report: Annotated[Path | None, typer.Option(help="write a report with plots to this directory")] = None,
) -> None:
    """Compare methods on labelled systems; a target's labels are read only to score the verdicts on it."""
    try:
        from fusionlog.cli.evaluation_view import results
        from fusionlog.evaluation.matrix import FoldChoice, make_tasks
        from fusionlog.evaluation.runner import Runner
        from fusionlog.evaluation.state import State, state_path, write_predictions, write_table
        from fusionlog.evaluation.teacher_choice import VERDICTS
    except ModuleNotFoundError as error:
        raise MissingExtraError(error.name or "a package", "demo", "an evaluation") from error
    for option, path in (("--json", json), ("--predictions", predictions), ("--report", report)):
        _check_place(option, path)
    draw = _drawing() if report else None
    config = _settings(llm_url, llm_model, offline)
    tasks = make_tasks(data or DATASETS, target or (), source or (), method or (), FoldChoice(fold), seeds)
    if verdicts is not None:
        _check_verdicts(verdicts, config, offline, {task.data / task.target for task in tasks})
    runner = Runner(config, _encoder(config), offline, verdicts or VERDICTS)
    console = Console()
    configure(config if "log_level" in config.model_fields_set else config.model_copy(update={"log_level": "warning"}))
    done: list[Done] = []
    try:
        with _interruptible():
            asyncio.run(_do(tasks, runner, State(state_path(json)), console, done))
    except KeyboardInterrupt:
        Console(stderr=True).print(f"fusionlog: interrupted after {len(done)} of {len(tasks)} runs{_again(json)}")
        raise typer.Exit(INTERRUPTED) from None
    finally:
        if json is not None and done:
            write_table(json, done)
        if predictions is not None and done:
            write_predictions(predictions, done)
    console.print(results([row for each in done for row in each.rows]))
    if runner.recorded.units:
        console.print(f"recorded verdicts: {runner.recorded.ways}", highlight=False)
    if draw is not None and report is not None:
        console.print(f"report: {draw(report, done)}", highlight=False)


@contextmanager
def _interruptible() -> Iterator[None]:
    """Interrupt at once on SIGINT and SIGTERM, even during a fit: asyncio's own handler would wait for its end."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


async def _do(tasks: Sequence[Task], runner: Runner, state: State, console: Console, done: list[Done]) -> None:
    """Run the tasks without an outcome yet, under a progress bar; `done` collects all outcomes in order."""
    stale = state.passed_over({task: runner.key(task) for task in tasks})
    if stale is not None:
        console.print(stale, highlight=False, soft_wrap=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, TextColumn("left"), TimeRemainingColumn(), console=console, transient=True) as progress:
        bar = progress.add_task("", total=len(tasks))
        for task in tasks:
            progress.update(bar, description=f"{task.target} {task.fold} seed {task.seed} {task.method}")
            known = state.get(runner.key(task))
            if known is None:
                known = await runner.do(task)
                state.put(known)
            done.append(known)
            progress.advance(bar)


def _settings(llm_url: str | None, llm_model: str | None, offline: bool) -> Settings:
    """The environment's settings, with the teacher of the command line."""
    if offline and llm_url:
        raise SettingError("--offline", True, f"--llm-url {masked_url(llm_url)} names another teacher")
    label = {name: value for name, value in (("url", llm_url), ("model", llm_model)) if value}
    found = settings.load(**({"label": label} if label else {}))
    return found.model_copy(update={"label": found.label.model_copy(update={"url": None})}) if offline else found


def _check_verdicts(name: str, config: Settings, offline: bool, directories: Iterable[Path]) -> None:
    """Check that recorded verdicts of this name are the teacher of each target.

    :raises SettingError: another teacher is named, or a target has no such file.
    """
    if offline or config.label.url:
        other = "--offline" if offline else f"the endpoint {config.label.url}"
        raise SettingError("--verdicts", name, f"{other} is another teacher; leave one of them out")
    for directory in sorted(directories):
        if not (directory / name).is_file():
            there = ", ".join(sorted(path.name for path in directory.glob("*.jsonl"))) or "none"
            raise SettingError("--verdicts", name, f"{directory} has no such file; recorded verdicts there: {there}")


def _encoder(config: Settings) -> NamedEncode:
    from fusionlog.embedding.encoder import load_encoder

    return load_encoder(config)


def _drawing() -> Callable[[Path, Sequence[Done]], Path]:
    """The writer of a report, imported before the run so that a missing package is an error at once.

    :raises MissingExtraError: matplotlib is not installed.
    """
    try:
        from fusionlog.evaluation.report import write_report
    except ModuleNotFoundError as error:
        raise MissingExtraError(error.name or "matplotlib", "report", "--report") from error
    return write_report


def _check_place(option: str, path: Path | None) -> None:
    if path is not None and not path.absolute().parent.is_dir():
        raise SettingError(option, str(path), "its directory does not exist")


def _again(json: Path | None) -> str:
    return "; the same command goes on from there" if json else ""
