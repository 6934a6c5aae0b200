"""The pages lead somewhere: links, headings, files and settings that they name exist, and every page is in the site."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fusionlog.cli.settings import rows
from fusionlog.settings import OTHERS, Settings
from fusionlog.settings.secrets import file_variables

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", ROOT / "datasets" / "README.md", *DOCS.rglob("*.md")])
LINK = re.compile(r"\]\((?!https?://)([^)\s#]*)(?:#([^)\s]*))?\)")
HEADING = re.compile(r"^#+ +(.*)$", re.MULTILINE)
FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
SOURCE = re.compile(r"`((?:fusionlog|agents|ray_jobs|tests|benchmarks|datasets|docs)/[\w./-]*(?:\.\w+|/))`")
NAMED_PAGE = re.compile(r"\b(?:docs|datasets)/[\w/-]+\.md\b")
VARIABLE = re.compile(r"`(FUSIONLOG_[A-Z_]+[A-Z])`")
TARGET = re.compile(r"(?:`|^\$ )make ([\w-]+)", re.MULTILINE)
OTHER_VARIABLES = {"FUSIONLOG_DATA"}
"""Environment variables that are no settings: the data of the benchmarks."""


def prose(page: Path) -> str:
    """A page without its blocks of code."""
    return FENCED.sub("", page.read_text(encoding="utf-8"))


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = HEADING.findall(prose(page))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def dead_links(page: Path) -> Iterator[str]:
    """The relative links of a page to a file or heading that does not exist."""
    for path, anchor in LINK.findall(prose(page)):
        target = page if not path else page.parent / path
        if not target.exists():
            yield path
        elif anchor and anchor not in anchors(target):
            yield f"{path}#{anchor}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_links_only_to_what_exists(page: Path) -> None:
    assert list(dead_links(page)) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_names_only_files_that_exist(page: Path) -> None:
    assert [name for name in SOURCE.findall(page.read_text(encoding="utf-8")) if not (ROOT / name).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_names_only_settings_that_exist(page: Path) -> None:
    known = {row.variable for row in rows(Settings.model_construct())} | OTHER_VARIABLES | OTHERS
    known |= file_variables(Settings).keys()
    assert sorted(set(VARIABLE.findall(page.read_text(encoding="utf-8"))) - known) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_names_only_targets_of_the_makefile(page: Path) -> None:
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert set(TARGET.findall(page.read_text(encoding="utf-8"))) <= targets


def test_the_code_names_only_pages_that_exist() -> None:
    sources = [
        path
        for top in ("fusionlog", "agents", "ray_jobs", "benchmarks", "datasets")
        for path in (ROOT / top).rglob("*.py")
    ]
    named = {name for path in sources for name in NAMED_PAGE.findall(path.read_text(encoding="utf-8"))}
    assert named
    assert sorted(name for name in named if not (ROOT / name).exists()) == []


def menu(entries: Any) -> Iterator[str]:
    """The pages of a menu of the site's configuration, at any depth."""
    for entry in entries:
        for value in entry.values():
            yield from [value] if isinstance(value, str) else menu(value)


def test_every_page_is_in_the_menu_of_the_site_or_in_the_index_of_decisions() -> None:
    site = tomllib.loads((ROOT / "zensical.toml").read_text(encoding="utf-8"))["project"]
    listed = set(menu(site["nav"]))
    listed |= {f"decisions/{path}" for path, _ in LINK.findall((DOCS / "decisions" / "index.md").read_text("utf-8"))}
    pages = {str(page.relative_to(DOCS)) for page in DOCS.rglob("*.md")}
    assert sorted(pages - listed) == []


@pytest.mark.parametrize("picture", sorted(DOCS.rglob("*.svg")), ids=lambda path: path.name)
def test_a_picture_loads_nothing_and_has_a_description(picture: Path) -> None:
    text = picture.read_text(encoding="utf-8")
    assert re.findall(r"https?://[^\"' ]+", text) == ["http://www.w3.org/2000/svg"]
    assert "<title" in text and "<desc" in text


@pytest.mark.parametrize(
    ("text", "dead"),
    [
        ("[a](there.md)", []),
        ("[a](there.md#a-heading-1)", []),
        ("[a](#mine)\n\n## Mine!", []),
        ("[a](away.md) ![p](no.svg)", ["away.md", "no.svg"]),
        ("[a](there.md#away) [b](#away)", ["there.md#away", "#away"]),
        ("```\n[a](away.md)\n```\n[b](https://example.org/x)", []),
    ],
)
def test_dead_links_are_named(tmp_path: Path, text: str, dead: list[str]) -> None:
    (tmp_path / "there.md").write_text("# A heading, 1\n")
    page = tmp_path / "page.md"
    page.write_text(text)
    assert list(dead_links(page)) == dead


def reasons() -> set[str]:
    """The reasons of dead letters: each is a literal of the code, so that a metric has so many series at most."""
    found = {"crash-loop", "slow-expression"}
    for path in (ROOT / "fusionlog").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "RecordError":
                reason = node.args[0]
                assert isinstance(reason, ast.Constant) or ast.unparse(reason) in ("REASON", "error.reason"), path
                found |= {str(reason.value)} if isinstance(reason, ast.Constant) else set()
    return found - {"no-type"}


def test_every_reason_of_a_dead_letter_is_in_the_table() -> None:
    page = (DOCS / "operations.md").read_text(encoding="utf-8")
    assert [each for each in sorted(reasons()) if f"`{each}`" not in page] == []
