"""`fusionlog meta-train` and `fusionlog distill`: submit the Ray jobs to a cluster or to a local Ray."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from fusionlog import settings
from fusionlog.cli.printing import printable
from fusionlog.data.bundled import DATASETS
from fusionlog.data.systems import read_catalog
from fusionlog.errors import MissingExtraError, SettingError
from fusionlog.utils.suggestions import suggestion

Data = Annotated[Path | None, typer.Option(help="directory of labelled systems, as the job sees it; default: bundled")]
Sources = Annotated[list[str] | None, typer.Option("--source", help="a labelled system of that directory; repeated")]


def meta_train(
    source: Annotated[list[str], typer.Option(help="a labelled system of that directory; repeated")], data: Data = None
) -> None:
    """Train the base model on labelled sources and publish it."""
    _check_bundled(data, source)
    _run("meta_train", _arguments(data, source))


def distill(
    system: Annotated[str, typer.Option(help="the target whose pseudo-labels are distilled")],
    data: Data = None,
    source: Sources = None,
) -> None:
    """Distil a target's pseudo-labels into a model, and publish it if it passes the gate."""
    settings.refuse_unknown(settings.load(), system)
    _check_bundled(data, source or [])
    _run("distill", ["--system", system, *_arguments(data, source)])


def _check_bundled(data: Path | None, sources: Sequence[str]) -> None:
    """Refuse a source that is none of the bundled ones before a Ray starts; another directory is the job's to check.

    :raises SettingError: naming the most similar one.
    """
    if data is None:
        bundled = read_catalog(DATASETS)
        for name in sources:
            if name not in bundled:
                remedy = (
                    f"no bundled system has this name; {suggestion(name, bundled)} (--data names another directory)"
                )
                raise SettingError("--source", name, remedy)


def _arguments(data: Path | None, sources: list[str] | None) -> list[str]:
    arguments = ["--data", str(data)] if data else []
    return [*arguments, *(word for source in sources or () for word in ("--source", source))]


def _run(name: str, arguments: list[str]) -> None:
    """Run a job on the Ray of FUSIONLOG_RAY_ADDRESS, else on a local one; print its outcome as one line.

    Its progress goes to the standard error.
    """
    config = settings.load()
    try:
        from ray_jobs.cluster import cluster
    except ModuleNotFoundError as error:
        raise MissingExtraError(error.name or "ray", "train", "a Ray job") from error

    async def run() -> tuple[int, str]:
        with tempfile.TemporaryDirectory(prefix="fusionlog-job-") as logs:
            address = config.ray_address.get_secret_value() if config.ray_address else None
            async with cluster(address, Path(logs) / "ray.log", config.ray_token) as ray:
                result = await ray.run(name, arguments, _own_variables(), show=_show)
                return result.code, str(result.report.get("reason", result.job))

    code, reason = asyncio.run(run())
    Console().print(reason, highlight=False)
    raise typer.Exit(code)


def _show(line: str) -> None:
    Console(stderr=True, soft_wrap=True).print(printable(line), markup=False, highlight=False)


def _own_variables() -> dict[str, str]:
    """The FUSIONLOG_ variables of this environment: the settings of the job, secrets by reference."""
    own = {name: value for name, value in os.environ.items() if name.upper().startswith(settings.PREFIX)}
    return settings.by_reference(settings.Settings, own)
