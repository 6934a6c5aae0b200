"""Generated pages: every topic, record, command and exported name is on its page."""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType
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


def double(number: int, *, times: tuple[int, ...] = (1, 2), label: str = "a, b: c", unit: str | None = None) -> int:
    """Twice a number.

    >>> double(2)
    4

    :param number: what is doubled, however large it
        may be.
    :raises ValueError: never.
    """
    return 2 * number * len(times) * len(label) * bool(unit)


@dataclass(frozen=True)
class Shelf:
    """Books in a row."""

    books: int

    def room(self) -> bool:
        """Whether a book fits."""
        return self.books < 9

    @property
    def full(self) -> bool:
        """Whether none fits."""
        return not self.room()


def module(*names: str, **members: object) -> ModuleType:
    made = ModuleType("made")
    made.__dict__.update(members, __all__=list(names))
    return made


def test_a_function_has_its_signature_its_example_as_code_and_its_parameters_as_a_list() -> None:
    text = pages.api_page(module("double", "__version__", double=double, __version__="1"))
    assert "## double\n\n```python\ndouble(\n    number: int,\n    *,\n    times: tuple[int, ...]=(1, 2),\n" in text
    assert "```python\n>>> double(2)\n4\n```\n" in text
    assert "* `number`: what is doubled, however large it\n    may be.\n* `raises ValueError`: never." in text
    assert "version" not in text.split("\n", 4)[-1]


def test_a_class_has_its_methods_and_properties() -> None:
    text = pages.api_page(module("Shelf", Shelf=Shelf))
    assert "## Shelf\n\nBooks in a row.\n\n### Shelf.room\n" in text
    assert "### Shelf.full\n" in text


def test_a_package_without_exports_has_a_page_that_names_that() -> None:
    assert "exports no function" in pages.api_page(ModuleType("bare"))
