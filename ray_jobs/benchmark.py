"""Evaluate methods on labelled systems, one Ray task a run: `python -m ray_jobs.benchmark --data DIR --json FILE`.

Its output is that of `fusionlog evaluate`, and each resumes from the state of the other. The teacher is the
environment's (`FUSIONLOG_LABEL__URL`), else recorded verdicts, else the offline teacher. Exit codes: 0 done, 2 failed
(finished runs are kept). The last line printed is a JSON report.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import structlog
import typer

from fusionlog import settings as environment
from fusionlog.errors import RayError
from fusionlog.evaluation.matrix import FoldChoice, Task, make_tasks
from fusionlog.evaluation.rows import table
from fusionlog.evaluation.state import State, state_path, write_table
from fusionlog.settings import Settings
from ray_jobs import tasks
from ray_jobs.matrix import process_runner, scattered
from ray_jobs.report import Exit, Report, run

EVERY = "*"

log = structlog.get_logger(__name__)


def benchmark(todo: Sequence[Task], settings: Settings, json: Path, offline: bool) -> tuple[Report, Exit]:
    """Run the tasks that the state beside `json` lacks, and write the table of all of them to `json`.

    :raises RayError: some runs failed; the others are kept.
    """
    started, state = time.monotonic(), State(state_path(json))
    runner = process_runner(settings, offline)
    keys = {task: runner.key(task) for task in todo}
    if (reason := state.passed_over(keys)) is not None:
        log.warning("runs are passed over", reason=reason)
    failed: list[str] = []
    with tasks.connected():
        missing = [task for task, key in keys.items() if state.get(key) is None]
        for task, came in scattered(missing, settings, offline):
            if isinstance(came, str):
                failed.append(f"{task.method} on {task.target}, {task.fold}, seed {task.seed}: {came}")
            else:
                state.put(came)
    found = [done for key in keys.values() if (done := state.get(key)) is not None]
    write_table(json, found)
    if failed:
        raise RayError(f"{len(failed)} of {len(todo)} runs failed; the first: {failed[0]}")
    mean = table([row for done in found for row in done.rows])["mean"]["by_method"]
    report = Report(
        outcome="done", reason=f"{len(found)} runs, {len(missing)} of them now, in {json}", system=EVERY,
        seconds=round(time.monotonic() - started, 2), metrics={name: each["f1"] for name, each in mean.items()},
    )  # fmt: skip
    return report, Exit.DONE


def main(
    data: Annotated[Path, typer.Option(help="a directory in the form of datasets/README.md, as the workers see it")],
    json: Annotated[Path, typer.Option(help="file of the rows; a run that was ended resumes from the state beside it")],
    target: Annotated[list[str] | None, typer.Option(help="the unlabelled system, repeated; default: each")] = None,
    source: Annotated[list[str] | None, typer.Option(help="a labelled system, repeated; default: all others")] = None,
    method: Annotated[list[str] | None, typer.Option(help="repeated; default: fusionlog+online")] = None,
    seeds: Annotated[int, typer.Option(min=1, help="seeds 0 to N-1")] = 1,
    fold: Annotated[FoldChoice, typer.Option(help="forward, reverse or both")] = FoldChoice.both,
    offline: Annotated[bool, typer.Option("--offline", help="the offline teacher, whatever else there is")] = False,
) -> None:
    """Evaluate methods on labelled systems, one Ray task a run."""

    async def job() -> tuple[Report, Exit]:
        todo = make_tasks(data, target or (), source or (), method or (), fold, seeds)
        return benchmark(todo, environment.load(), json, offline)

    run(EVERY, job)


if __name__ == "__main__":
    typer.run(main)
