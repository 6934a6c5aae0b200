"""Generated pages: every topic, record and command is on its page."""

from __future__ import annotations

from typing import Annotated

import typer

from fusionlog import schemas
from fusionlog.cli import pages
from fusionlog.topics import Topics


def test_every_topic_has_a_row_with_its_record_and_roles() -> None:
    text = pages.topics_page(Topics(prefix="here."))
    for topic in Topics(prefix="here.").own():
        [row] = [line for line in text.splitlines() if line.startswith(f"| `{topic.name}` ")]
        assert ", ".join(topic.written_by) in row
        assert topic.record is None or f"[{topic.record.__name__}](records.md#{topic.record.__name__.lower()})" in row


def test_every_field_of_a_record_and_of_its_parts_has_a_row() -> None:
    text = pages.records_page(Topics())
    for record in schemas.RECORDS:
        section = text.split(f"## {record.__name__}\n")[1].split("\n## ")[0]
        assert all(f"| `{field}` |" in section for field in record.__struct_fields__)
    assert "| `example` | `str` |" in text.split("## WindowEvent\n")[1]


def test_a_command_of_a_group_has_a_section_with_its_options() -> None:
    app, group = typer.Typer(help="An app."), typer.Typer(help="A group.")
    app.add_typer(group, name="shelf")

    @group.command()
    def count(
        name: Annotated[str, typer.Option(help="a | b")] = "x", here: str = typer.Argument(..., help="where")
    ) -> None:
        """Count books."""

    @app.command()
    def plain() -> None:
        """Do it."""

    text = pages.commands_page(app, "tool")
    assert "## tool shelf count\n\nCount books." in text
    assert "$ tool shelf count [OPTIONS] {here}\n" in text
    assert "a \\| b" in text
    assert "## tool plain\n\nDo it.\n\n```console\n$ tool plain [OPTIONS]\n```\n" in text
