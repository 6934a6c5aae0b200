"""The generated pages of docs/ are those that the code generates now."""

from __future__ import annotations

from pathlib import Path

import pytest

from fusionlog.cli.reference import generated, write

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize("name", sorted(generated()))
def test_a_committed_page_is_the_generated_one(name: str) -> None:
    assert (DOCS / name).read_text(encoding="utf-8") == generated()[name], f"docs/{name} is stale, run: make pages"


def test_pages_are_written_below_a_directory(tmp_path: Path) -> None:
    write({"a.md": "# A\n", "deep/b.json": "{}\n"}, tmp_path)
    assert (tmp_path / "deep" / "b.json").read_text() == "{}\n"
    assert (tmp_path / "a.md").read_text() == "# A\n"
