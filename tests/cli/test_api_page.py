"""The page of the Python API: every exported name with its signature, its fields and its example."""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType

from fusionlog.cli.api_page import api_page


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
    text = api_page(module("double", "__version__", double=double, __version__="1"))
    assert "## double\n\n```python\ndouble(\n    number: int,\n    *,\n    times: tuple[int, ...]=(1, 2),\n" in text
    assert "```python\n>>> double(2)\n4\n```\n" in text
    assert "* `number`: what is doubled, however large it\n    may be.\n* `raises ValueError`: never." in text
    assert "version" not in text.split("\n", 4)[-1]


def test_a_class_has_its_methods_and_properties() -> None:
    text = api_page(module("Shelf", Shelf=Shelf))
    assert (
        "## Shelf\n\nBooks in a row.\n\n| field | type |\n| --- | --- |\n| `books` | `int` |\n\n### Shelf.room\n"
        in text
    )
    assert "### Shelf.full\n" in text


def test_a_value_has_its_type() -> None:
    assert "## LIMIT\n\nA value of type `int`." in api_page(module("LIMIT", LIMIT=3))


def test_a_package_without_exports_has_a_page_that_names_that() -> None:
    assert "exports no function" in api_page(ModuleType("bare"))
