"""`python -m datasets.teach sheet SYSTEM`: what a reader needs to judge a system, without a label."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from datasets.teach.sheet import make_sheet, write_sheet
from fusionlog.errors import FusionLogError

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


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m datasets.teach", description=__doc__)
    commands = parser.add_subparsers(required=True)
    sheet = _command(commands, "sheet", "write what a reader needs to judge a system, without a label", _sheet)
    sheet.add_argument("--out", type=Path, required=True)
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
