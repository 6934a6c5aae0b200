"""`fusionlog teacher`: the check of the model's endpoint, what it would be sent, and what is left of its budget."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from fusionlog import settings
from fusionlog.errors import DataError, MissingExtraError, SettingError
from fusionlog.observability.logs import configure
from fusionlog.records import PseudoLabel, Window
from fusionlog.settings import LabelSettings, Settings, SystemSettings, read_systems
from fusionlog.teachers.llm.spend import SpendTotals
from fusionlog.teachers.llm.spend_summary import SpendSummary, lines_of, summary_of
from fusionlog.utils.suggestions import suggestion

if TYPE_CHECKING:
    from fusionlog.online.question_texts import Question
    from fusionlog.teachers.llm.check import EndpointCheck

app = typer.Typer(help="The teacher: the language model that labels.", no_args_is_help=True)


@app.callback()
def teacher() -> None:
    """The teacher: the language model that labels."""


@app.command()
def check(
    url: Annotated[str | None, typer.Option(help="the endpoint; default: FUSIONLOG_LABEL__URL")] = None,
    model: Annotated[str | None, typer.Option(help="the model there; default: FUSIONLOG_LABEL__MODEL")] = None,
    json: Annotated[bool, typer.Option("--json", help="print one JSON object")] = False,
) -> None:
    """Ask an endpoint about six made-up windows; exit code 1 where it is of no use."""
    label = _label(url, model)
    found = asyncio.run(_check(label))
    typer.echo(msgspec.json.encode(found).decode() if json else _line(found))
    raise typer.Exit(0 if found.usable else 1)


@app.command()
def show(
    system: Annotated[str, typer.Option(help="the entry of the systems file")],
    log: Annotated[Path | None, typer.Option(help="a file of bare lines, which are parsed and cut here")] = None,
    windows: Annotated[Path | None, typer.Option(help="a file of Window records, one JSON object a line")] = None,
    topic: Annotated[bool, typer.Option("--topic", help="the newest windows of windows.proprietary")] = False,
    session: Annotated[str | None, typer.Option(help="print the questions on this session alone")] = None,
    last: Annotated[int | None, typer.Option(min=1, help="print so many of the last questions")] = None,
    systems_file: Annotated[Path | None, typer.Option(help="default: FUSIONLOG_SYSTEMS_FILE")] = None,
    json: Annotated[bool, typer.Option("--json", help="print a JSON object a line, with the SHA-256")] = False,
) -> None:
    """Print what a language model would be sent about windows, word for word; nobody is asked.

    Evidence in a question counts the windows before it here. By `--topic` the labels in Kafka are its neighbours. What
    a release of the system adds is left out.
    """
    if [log is not None, windows is not None, topic].count(True) != 1:
        raise typer.BadParameter("name one of --log, --windows and --topic")
    config = settings.load(**({"systems_file": systems_file} if systems_file else {}))
    entry = _entry(config, system)
    found = list(_questions(config, system, entry, log, windows))
    chosen = [each for each in found if session in (None, each.session)][-(last or 0) :]
    if not chosen:
        raise DataError(log or windows or config.topics.proprietary.name, f"no window of {system} in it", _WAY_OUT)
    for each in chosen:
        typer.echo(msgspec.json.encode(each).decode() if json else _readable(each))


_WAY_OUT = "compare the session and the system with `fusionlog systems check`"


def _entry(config: Settings, name: str) -> SystemSettings:
    """The entry of a system.

    :raises SettingError: there is no systems file, or no such entry in it.
    """
    if config.systems_file is None:
        raise SettingError("FUSIONLOG_SYSTEMS_FILE", None, "name the YAML file of the system, or --systems-file")
    systems = read_systems(config.systems_file)
    if name not in systems:
        raise SettingError("--system", name, f"it is not in {config.systems_file}; {suggestion(name, systems)}")
    return systems[name]


def _questions(
    config: Settings, name: str, system: SystemSettings, log: Path | None, file: Path | None
) -> Iterator[Question]:
    try:
        from fusionlog.online.question_texts import question_texts, questions_without_release
    except ModuleNotFoundError as error:
        raise MissingExtraError(error.name or "openai", "agents", "the questions to a language model") from error
    labels: list[PseudoLabel] = []
    if log is not None:
        from fusionlog import api

        lines = _text(log).splitlines()
        found = api.cut_windows(api.parse_lines(lines, name, system, config.ingest), name, system)
    elif file is not None:
        found = _read_windows(file)
    else:
        found, labels = asyncio.run(_of_topics(config))
    return question_texts(
        [window for window in found if window.system == name],
        questions_without_release(name, system, config.label, labels),
    )


def _read_windows(file: Path) -> list[Window]:
    """The windows of a file.

    :raises DataError: it cannot be read, or a line of it is no window.
    """
    found = []
    for number, line in enumerate(_text(file).splitlines(), 1):
        if line.strip():
            try:
                found.append(msgspec.json.decode(line, type=Window))
            except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
                raise DataError(file, f"line {number} is no Window: {error}", "see docs/records.md") from error
    return found


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise DataError(file, f"cannot be read: {error.strerror}", "name a readable file") from error


async def _of_topics(config: Settings) -> tuple[list[Window], list[PseudoLabel]]:
    """The newest windows that came to the teacher, and the labels in Kafka."""
    from fusionlog.kafka.table import read_all

    recent = config.distill.recent_windows
    windows = [each for _, each in await read_all(config, config.topics.proprietary, recent)]
    labels = [each for _, each in await read_all(config, config.topics.labels)]
    return windows, labels


def _readable(question: Question) -> str:
    """A question for a reader: its messages, one below the other."""
    parts = [f"[{message['role']}]\n{message['content']}" for message in question.messages]
    title = f"session {question.session}, window {question.window}, sha256 {question.sha256}"
    return "\n\n".join([f"### {title}", *parts, ""])


@app.command()
def spend(
    json: Annotated[bool, typer.Option("--json", help="print one JSON object")] = False,
) -> None:
    """Show what all label and explain workers spent on the language model, and what is left of the budgets."""
    found = asyncio.run(_summary(settings.load()))
    typer.echo(msgspec.json.encode(found).decode() if json else "\n".join(lines_of(found)))


async def _summary(config: Settings) -> SpendSummary:
    from fusionlog.kafka.table import read_all

    totals = SpendTotals()
    for key, record in await read_all(config, config.topics.spend):
        totals.update(key, record)
    return summary_of(totals, config, time.time())


def _label(url: str | None, model: str | None) -> LabelSettings:
    """The label settings with the values of the command line.

    :raises SettingError: no endpoint is named.
    """
    given = {name: value for name, value in (("url", url), ("model", model)) if value is not None}
    config = settings.load(**({"label": given} if given else {}))
    # The reason tells what a log line would.
    configure(config if "log_level" in config.model_fields_set else config.model_copy(update={"log_level": "error"}))
    label = config.label
    if label.url is None:
        raise SettingError("FUSIONLOG_LABEL__URL", None, "name an OpenAI-compatible endpoint, here or by --url")
    return label


async def _check(label: LabelSettings) -> EndpointCheck:
    try:
        from fusionlog.teachers.llm.check import check
        from fusionlog.teachers.llm.teacher import LLMTeacher
    except ModuleNotFoundError as error:
        raise MissingExtraError(error.name or "openai", "agents", "asking a language model") from error
    teacher = LLMTeacher(label)
    try:
        return await check(teacher)
    finally:
        await teacher.close()


def _line(found: EndpointCheck) -> str:
    verdict = "usable" if found.usable else "of no use"
    return f"{verdict}: {found.reason}; {found.requests} requests, {found.tokens} tokens, {found.seconds:.1f} s"
