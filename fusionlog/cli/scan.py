"""`fusionlog scan`: the incidents of a log file, without Kafka."""

from __future__ import annotations

import asyncio
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer
from rich.console import Console

from fusionlog import settings
from fusionlog.errors import DataError, MissingExtraError
from fusionlog.records import Severity
from fusionlog.utils.files import replace_file

if TYPE_CHECKING:
    from fusionlog.embedding.encoder import Encoder
    from fusionlog.onboarding.sample import SampleRecord
    from fusionlog.onboarding.scan.detect import Scanned
    from fusionlog.onboarding.scan.report import ShownScan
    from fusionlog.records import ModelRelease
    from fusionlog.settings import Settings

STANDARD_INPUT = Path("-")
DEFAULT_NAME = "scan"
SHOWN_INCIDENTS = 10


def scan(
    file: Annotated[
        Path, typer.Argument(help="a log file, - for the standard input; .gz is read, .jsonl may hold Kafka records")
    ],
    name: Annotated[str | None, typer.Option(help="the system's name; default: made of the file's name")] = None,
    write: Annotated[
        Path | None, typer.Option(help="append the proposed entry to this systems file; a missing one is made")
    ] = None,
    html: Annotated[Path | None, typer.Option(help="write the report to this file, as one HTML page")] = None,
    json: Annotated[bool, typer.Option("--json", help="print the report as JSON")] = False,
    fail_on: Annotated[
        Severity | None, typer.Option(help="exit with 1 where an incident is of this severity or a greater one")
    ] = None,
    llm_url: Annotated[
        str | None,
        typer.Option(help="an OpenAI-compatible endpoint, which is asked about windows; default: nothing leaves"),
    ] = None,
    llm_model: Annotated[str | None, typer.Option(help="the model at that endpoint")] = None,
    most: Annotated[int, typer.Option(min=1, help="incidents on the screen, at most")] = SHOWN_INCIDENTS,
) -> None:
    """Find the incidents of a log file under the settings that its lines propose: no Kafka and no systems file.

    The exit code is 0, or 1 where `--fail-on` is reached, or 2 for wrong usage.
    """
    began = time.monotonic()
    system = name or _name_of(file)
    if write is not None:
        from fusionlog.onboarding.entry import check_new_name

        check_new_name(system)
    label = {key: value for key, value in (("url", llm_url), ("model", llm_model)) if value is not None}
    if llm_model is not None and llm_url is None:
        raise typer.BadParameter("--llm-model needs --llm-url")
    scanned = _scan(system, file, settings.load(**({"label": label} if label else {})), llm=llm_url is not None)
    from fusionlog.onboarding.scan.report import shown

    found = shown(scanned, time.monotonic() - began)
    if write is not None:
        from fusionlog.onboarding.entry import add_entry, render

        add_entry(write, system, render(system, scanned.proposal))
    if html is not None:
        from fusionlog.onboarding.scan.page import page

        replace_file(html, page(_shown_name(file), found).encode())
    _print(found, json, most, write)
    raise typer.Exit(1 if fail_on is not None and found.report.reaches(fail_on) else 0)


def _scan(system: str, file: Path, config: Settings, llm: bool) -> Scanned:
    """Scan a file under the bundled base release.

    :param llm: whether the language model of the settings is asked; else nothing leaves this machine.
    :raises DataError: it holds no line that can be used. :raises MissingExtraError: a library is not installed.
    """
    try:
        from fusionlog.bundled.base import read_base, read_word_vectors
        from fusionlog.embedding.encoder import Encoder, find_encoder
        from fusionlog.onboarding.scan import detect
    except ModuleNotFoundError as error:
        raise MissingExtraError(error.name or "a package", "scan", "scanning a file") from error
    records, base = _records(file), read_base()
    encode = Encoder(find_encoder(config), config.score.threads)
    if llm:
        scanned = asyncio.run(_with_llm(system, records, config, base, encode))
    else:
        scanned = detect.scan(system, records, config.ingest, base, encode, read_word_vectors(encode.name))
    if not scanned.found.lines:
        raise DataError(file, "no line in it can be used", "name a file with lines of a system's log")
    return scanned


async def _with_llm(
    system: str, records: list[SampleRecord], config: Settings, base: ModelRelease, encode: Encoder
) -> Scanned:
    from fusionlog.onboarding.scan.detect import scan_with_llm
    from fusionlog.teachers.factory import make_teacher

    teacher = make_teacher(config, base.bank, encode, base.offline_teacher)
    try:
        return await scan_with_llm(system, records, config, base, encode, teacher)
    finally:
        await teacher.close()


def _records(file: Path) -> list[SampleRecord]:
    from fusionlog.onboarding.sample import read_sample, read_standard_input

    return read_standard_input() if file == STANDARD_INPUT else read_sample(file)


def _name_of(file: Path) -> str:
    """A system's name from a file's: what a topic's name cannot have is left out."""
    stem = file.name.removesuffix(".gz").rsplit(".", 1)[0]
    found = re.sub(r"[^A-Za-z0-9_-]+", "-", stem).strip("-_")[:50]
    return found if any(each.isalpha() for each in found) else DEFAULT_NAME


def _shown_name(file: Path) -> str:
    return "standard input" if file == STANDARD_INPUT else file.name


def _print(found: ShownScan, json: bool, most: int, written: Path | None) -> None:
    if json:
        typer.echo(msgspec.json.format(msgspec.json.encode(found.report), indent=2).decode())
        return
    from fusionlog.onboarding.scan.screen import screen

    console = Console()
    for each in screen(found, most):
        console.print(each, highlight=False)
    where = f"the entry is in {written}" if written else "to watch this system in Kafka: scan again with --write FILE"
    console.print(where, highlight=False, markup=False, style="dim")
