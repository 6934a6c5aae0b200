"""Writes every page of the documentation that is generated from the code: `python -m fusionlog.cli.reference docs`."""

from __future__ import annotations

import sys
from pathlib import Path

import fusionlog
from fusionlog.cli import pages, settings, topics
from fusionlog.cli.api_page import api_page
from fusionlog.cli.main import app
from fusionlog.cli.systems_page import systems_page
from fusionlog.topics import Topics
from fusionlog.utils.files import writing


def generated() -> dict[str, str]:
    """The text of every generated page and document, by its path below `docs/`."""
    return {
        "settings.md": settings.document(),
        "systems-file.md": systems_page(),
        "commands.md": pages.commands_page(app, "fusionlog"),
        "api.md": api_page(fusionlog),
        **topics.documents(Topics()),
    }


def write(texts: dict[str, str], directory: Path) -> None:
    """Write texts below a directory, by their paths."""
    for name, text in texts.items():
        path = directory / name
        with writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write(generated(), Path(sys.argv[1]))
