"""`python -m datasets.teach sheet|questions|bind|score SYSTEM`: verdicts recorded without labels, and their worth."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from datasets.teach import score
from datasets.teach.bind import bind, write_rows
from datasets.teach.questions import session_questions, write_questions
from datasets.teach.sheet import make_sheet, write_sheet
from fusionlog.errors import FusionLogError
from fusionlog.settings import LabelSettings

Commands = "argparse._SubParsersAction[argparse.ArgumentParser]"
DATA = Path("datasets")


def main() -> int:
    """Do what is asked; an error is one sentence."""
    asked = _arguments()
    try:
        asked.run(asked)
    except FusionLogError as error:
        print(f"teach: {error}", file=sys.stderr)
        return 2
    return 0


def _sheet(asked: argparse.Namespace) -> None:
    sheet = make_sheet(asked.data, asked.system)
    write_sheet(sheet, asked.out)
    print(f"{asked.out}: {len(sheet.events)} events, {len(sheet.shapes)} shapes")


def _questions(asked: argparse.Namespace) -> None:
    found = session_questions(
        asked.data, asked.system, LabelSettings(evidence=not asked.without_evidence, pseudonyms=False)
    )
    write_questions(found, asked.out)
    print(f"{asked.out}: {len(found)} questions, {len({each.sha256 for each in found})} distinct")


def _bind(asked: argparse.Namespace) -> None:
    rows = bind(asked.system, asked.sheet, asked.judgements)
    write_rows(rows, asked.out)
    print(f"{asked.out}: {len(rows)} rows")


def _score(asked: argparse.Namespace) -> None:
    print(score.main(asked.data, asked.system, asked.verdicts))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m datasets.teach", description=__doc__)
    commands = parser.add_subparsers(required=True)
    sheet = _command(commands, "sheet", "write what a reader needs to judge a system, without a label", _sheet)
    sheet.add_argument("--out", type=Path, required=True)
    questions = _command(
        commands, "questions", "write the question on each session, as the label worker sends it", _questions
    )
    questions.add_argument("--out", type=Path, required=True)
    questions.add_argument("--without-evidence", action="store_true", help="the lines and their counts alone")
    bound = _command(commands, "bind", "join a reader's judgements with the sheet", _bind)
    bound.add_argument("--sheet", type=Path, required=True, help="the directory that `sheet` wrote")
    bound.add_argument("--judgements", type=Path, required=True, help="a directory with events.csv and shapes.csv")
    bound.add_argument("--out", type=Path, required=True)
    scored = _command(commands, "score", "open the labels, and print how good the verdicts are", _score)
    scored.add_argument("--verdicts", type=Path, help=f"default: {score.VERDICTS} of the system")
    return parser.parse_args()


Run = Callable[[argparse.Namespace], None]


def _command(commands: Commands, name: str, help: str, run: Run) -> argparse.ArgumentParser:
    command = commands.add_parser(name, help=help)
    command.add_argument("system")
    command.add_argument("--data", type=Path, default=DATA)
    command.set_defaults(run=run)
    return command


if __name__ == "__main__":
    sys.exit(main())
