"""`python -m datasets.teach COMMAND SYSTEM`: verdicts recorded from questions without labels, and their worth."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from datasets.teach import score
from datasets.teach.answers import checked, read_answers
from datasets.teach.ask import ask, asking
from datasets.teach.bind import OldRecording, bind, write_rows
from datasets.teach.questions import AskedUnit, asked_units, listed, shuffled
from datasets.teach.sheets import write_sheets
from fusionlog import settings
from fusionlog.errors import FusionLogError, TeacherError
from fusionlog.teachers.recorded.recordings import recording_of

Commands = "argparse._SubParsersAction[argparse.ArgumentParser]"
DATA = Path("datasets")
SHEET = 100
"""Questions of a sheet: about what one reader reads in one sitting."""


def main(words: Sequence[str] | None = None) -> int:
    """Do what is asked; an error is one sentence."""
    asked = _arguments(words)
    try:
        asked.run(asked)
    except FusionLogError as error:
        print(f"teach: {error}", file=sys.stderr)
        return 2
    return 0


def _questions(asked: argparse.Namespace) -> None:
    chosen = _chosen(asked)
    paths = write_sheets(chosen, asked.size, asked.out)
    print(f"{asked.out}: {len(chosen)} questions on {len(paths)} sheets")


def _ask(asked: argparse.Namespace) -> None:
    chosen, label = _chosen(asked), settings.load().label
    problems = asyncio.run(ask(chosen, asking(label, asked.llm_url, asked.model), asked.out))
    print(f"{asked.out}: {len(chosen) - len(problems)} of {len(chosen)} questions answered")
    if problems:
        raise TeacherError(f"{problems[0]}; {len(problems)} without an answer: the same command asks about them again")


def _check(asked: argparse.Namespace) -> None:
    found = checked(asked.system, _chosen(asked), list(read_answers(asked.answers)))
    print(f"{len(found)} answers, one on each question")


def _bind(asked: argparse.Namespace) -> None:
    everything = _everything(asked)
    chosen = _part(everything, asked)
    pairs = checked(asked.system, chosen, list(read_answers(asked.answers)))
    numbers = {each.number for each in chosen}
    others = [each for each in everything if each.number not in numbers]
    old = OldRecording(asked.rest.stem, recording_of(asked.system, asked.rest)) if asked.rest else None
    rows = bind(asked.system, pairs, others, old)
    write_rows(rows, asked.out)
    print(f"{asked.out}: {len(rows)} rows, {len(pairs)} of them answers")


def _score(asked: argparse.Namespace) -> None:
    print(score.main(asked.data, asked.system, _chosen(asked), asked.verdicts))


def _everything(asked: argparse.Namespace) -> list[AskedUnit]:
    return asked_units(asked.data, asked.system, evidence=not asked.without_evidence)


def _chosen(asked: argparse.Namespace) -> list[AskedUnit]:
    return _part(_everything(asked), asked)


def _part(everything: Sequence[AskedUnit], asked: argparse.Namespace) -> list[AskedUnit]:
    """The questions that the command is about, in their shuffled order."""
    return shuffled(listed(everything, asked.only) if asked.only else everything, asked.sample, asked.seed)


def _arguments(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m datasets.teach", description=__doc__)
    commands = parser.add_subparsers(required=True)
    questions = _command(commands, "questions", "write sheets of questions for a reader, without a label", _questions)
    questions.add_argument("--out", type=Path, required=True, help="a directory")
    questions.add_argument("--size", type=_positive, default=SHEET, help=f"questions of a sheet; default: {SHEET}")
    asking = _command(commands, "ask", "ask an endpoint the questions; what is answered is not asked again", _ask)
    asking.add_argument("--llm-url", required=True, help="an OpenAI-compatible endpoint")
    asking.add_argument("--model", required=True, help="the model there")
    asking.add_argument("--out", type=Path, required=True, help="the file of its answers")
    for name, help, run in (
        ("check", "hold answers against the questions", _check),
        ("bind", "make a recording of answers", _bind),
    ):
        bound = _command(commands, name, help, run)
        bound.add_argument("answers", type=Path, nargs="+", help="files of answers, an object a line")
    bound.add_argument("--out", type=Path, required=True, help="the recording")
    bound.add_argument("--rest", type=Path, help="a recording whose verdicts stay for what was not asked")
    scored = _command(commands, "score", "open the labels, and print how good the verdicts are", _score)
    scored.add_argument("--verdicts", type=Path, help=f"default: {score.VERDICTS} of the system")
    return parser.parse_args(words)


Run = Callable[[argparse.Namespace], None]


def _command(commands: Commands, name: str, help: str, run: Run) -> argparse.ArgumentParser:
    command = commands.add_parser(name, help=help)
    command.add_argument("system")
    command.add_argument("--data", type=Path, default=DATA, help=f"default: {DATA}")
    command.add_argument("--only", type=Path, help="a file of questions' numbers, or of questions or answers")
    command.add_argument("--sample", type=_positive, help="so many questions, drawn by the seed; default: all")
    command.add_argument("--seed", type=int, default=0, help="of the order and of the sample; default: 0")
    command.add_argument("--without-evidence", action="store_true", help="the lines and their counts alone")
    command.set_defaults(run=run)
    return command


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a number from 1 on")
    return number


if __name__ == "__main__":
    sys.exit(main())
