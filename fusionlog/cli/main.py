"""The `fusionlog` command: its subcommands, and the handling of errors."""

from __future__ import annotations

import errno
import logging
import sys
from enum import StrEnum
from typing import Annotated

import structlog
import typer
from rich.console import Console

import fusionlog
from fusionlog import settings
from fusionlog.cli import deadletter, encoder, incidents, keys, labels, models, notify, systems, teacher, topics, train
from fusionlog.cli.acls import acls
from fusionlog.cli.demo import demo
from fusionlog.cli.doctor import doctor
from fusionlog.cli.evaluate import evaluate
from fusionlog.cli.explanations import explanations
from fusionlog.cli.feedback import feedback
from fusionlog.cli.jobs import distill, meta_train
from fusionlog.cli.produce import produce
from fusionlog.cli.replay_teacher import replay_teacher
from fusionlog.cli.scan import scan
from fusionlog.cli.settings import settings as show_settings
from fusionlog.cli.show import show
from fusionlog.cli.status import status
from fusionlog.cli.tail import tail
from fusionlog.errors import FusionLogError
from fusionlog.utils.masking import masked_text

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False)
app.add_typer(topics.app, name="topics")
app.add_typer(models.app, name="models")
app.add_typer(labels.app, name="labels")
app.add_typer(systems.app, name="systems")
app.add_typer(encoder.app, name="encoder")
app.add_typer(deadletter.app, name="deadletter")
app.add_typer(incidents.app, name="incidents")
app.add_typer(notify.app, name="notify")
app.add_typer(teacher.app, name="teacher")
app.add_typer(train.app, name="train")
app.add_typer(keys.app, name="keys")
app.command()(scan)
app.command()(acls)
app.command()(demo)
app.command("meta-train")(meta_train)
app.command()(distill)
app.command()(evaluate)
app.command()(explanations)
app.command()(produce)
app.command()(tail)
app.command()(feedback)
app.command()(status)
app.command()(show)
app.command()(doctor)
app.command("replay-teacher")(replay_teacher)
app.command("settings")(show_settings)


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"fusionlog {fusionlog.__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="print the version")
    ] = False,
) -> None:
    """Detects anomalies in the logs of an unlabelled system."""


class Role(StrEnum):
    """The role of a worker."""

    ingest = "ingest"
    score = "score"
    label = "label"
    explain = "explain"
    incidents = "incidents"
    notify = "notify"
    canary = "canary"
    train = "train"


@app.command()
def worker(
    role: Annotated[Role, typer.Argument(help="ingest, score, label, explain, incidents, notify, canary or train")],
) -> None:
    """Run a worker until SIGTERM or SIGINT."""
    from fusionlog.cli.worker import run

    run(role.value, settings.load())


def main() -> None:
    """Run a command; a FusionLogError is printed as one sentence on stderr, with exit code 2.

    So is a full disk under the standard output, which has no file name.
    """
    # What a command prints may be read by a program: log lines, such as those on refused records, go beside it.
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    # Its messages on an unreachable broker repeat those of our own error.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    try:
        app()
    except FusionLogError as error:
        _end(str(error))
    except OSError as error:
        if error.errno != errno.ENOSPC or error.filename is not None:
            raise
        _end(f"the output cannot be written ({error.strerror}): make room, or write it to another place")


def _end(problem: str) -> None:
    shown = f"fusionlog: {masked_text(problem)}"
    Console(stderr=True, soft_wrap=True).print(shown, style="red", highlight=False, markup=False)
    sys.exit(2)
