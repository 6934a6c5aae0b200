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
from fusionlog.utils.masking import has_secret, masked_url
from fusionlog.utils.suggestions import suggestion

Data = Annotated[
    list[str] | None,
    typer.Option(
        "--sources", "--data",
        help="labelled systems: a directory as the job sees it, a URL of one (s3://bucket/labelled), or "
        "kafka:SYSTEM=LABELS.csv; repeated; default: the bundled ones",
    ),
]  # fmt: skip
Sources = Annotated[
    list[str] | None,
    typer.Option("--source", help="a labelled system of them; repeated; default: all of those that are named"),
]


def meta_train(source: Sources = None, data: Data = None) -> None:
    """Train the base model on labelled sources and publish it."""
    if not source and not data:
        raise SettingError("--source", None, "name at least one labelled system to learn from, or --sources")
    _check_bundled(data, source or [])
    _run("meta_train", _arguments(data, source))


def distill(
    system: Annotated[
        list[str], typer.Option(help="a target whose pseudo-labels are distilled; repeated: all of them are one job")
    ],
    data: Data = None,
    source: Sources = None,
) -> None:
    """Distil targets' pseudo-labels into models, and publish each that passes the gate."""
    config = settings.load()
    for name in system:
        settings.refuse_unknown(config, name)
    _check_bundled(data, source or [])
    targets = [word for name in dict.fromkeys(system) for word in ("--system", name)]
    _run("distill", [*targets, *_arguments(data, source)])


def _check_bundled(data: Sequence[str] | None, sources: Sequence[str]) -> None:
    """Refuse a source that is none of the bundled ones before a Ray starts; another directory is the job's to check.

    :raises SettingError: naming the most similar one.
    """
    if not data:
        bundled = read_catalog(DATASETS)
        for name in sources:
            if name not in bundled:
                remedy = (
                    f"no bundled system has this name; {suggestion(name, bundled)} (--sources names another directory)"
                )
                raise SettingError("--source", name, remedy)


def _arguments(data: Sequence[str] | None, sources: Sequence[str] | None) -> list[str]:
    """The options of a job. A URL with a login is refused by the job, and must not get into Ray's log before.

    :raises SettingError: a URL holds a login.
    """
    for place in data or ():
        if has_secret(place):
            raise SettingError(
                "--sources", masked_url(place), "a job's command is logged, and this URL has a login in it"
            )
    options = (("--sources", data or ()), ("--source", sources or ()))
    return [word for option, values in options for value in values for word in (option, value)]


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
