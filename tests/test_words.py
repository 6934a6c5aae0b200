"""Software computes, returns and reports: words for what people do with each other stand in no code and no page."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TOPS = ("fusionlog", "agents", "ray_jobs")
REFUSED = frozenset({"said", "told", "says", "speaks", "anew", "alike", "unasked"})

# Module-level strings that are data, by file and name.
DATA = {
    # Sent to a language model: other words get other answers.
    ("fusionlog/explanation/prompt.py", "_TASK"),
    # Words that mail servers write before a code.
    ("fusionlog/parsing/code_contexts.py", "_SERVERS"),
}

# In Python 3.12 the texts of an f-string are tokens of their own.
TEXTS = {tokenize.COMMENT, tokenize.STRING, getattr(tokenize, "FSTRING_MIDDLE", tokenize.STRING)}
CODE = re.compile(r"^```.*?^```|`[^`\n]*`", re.MULTILINE | re.DOTALL)
ESCAPE = re.compile(r"\\.")
WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+")


def sources() -> list[str]:
    """The files that are checked, relative to the root."""
    return sorted(str(path.relative_to(ROOT)) for top in TOPS for path in (ROOT / top).rglob("*.py"))


def refused_words(source: str) -> Iterator[tuple[int, str]]:
    """The refused words of a source in its comments, strings and identifiers, each with its line, from 1."""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type in TEXTS or token.type == tokenize.NAME:
            for place, line in enumerate(ESCAPE.sub("  ", token.string).splitlines()):
                yield from ((token.start[0] + place, word) for word in WORD.findall(line) if word.lower() in REFUSED)


def pages() -> list[str]:
    """The pages that are checked, relative to the root. That of the data sets is on what people and servers wrote."""
    return ["CHANGELOG.md", "README.md", *sorted(str(path.relative_to(ROOT)) for path in (ROOT / "docs").rglob("*.md"))]


def refused_in_prose(text: str) -> Iterator[tuple[int, str]]:
    """The refused words of a Markdown text outside of code, each with its line, from 1."""
    prose = CODE.sub(lambda found: "\n" * found[0].count("\n"), text)
    for number, line in enumerate(prose.splitlines(), 1):
        yield from ((number, word) for word in WORD.findall(line) if word.lower() in REFUSED)


def lines_of(source: str, name: str) -> range:
    """The lines of a module-level assignment to a name; none where there is no such assignment."""
    for node in ast.parse(source).body:
        if isinstance(node, ast.Assign) and name in {each.id for each in node.targets if isinstance(each, ast.Name)}:
            return range(node.lineno, (node.end_lineno or node.lineno) + 1)
    return range(0)


@pytest.mark.parametrize("path", sources())
def test_a_source_has_no_refused_word(path: str) -> None:
    source = (ROOT / path).read_text(encoding="utf-8")
    data = {line for file, name in DATA if file == path for line in lines_of(source, name)}
    found = [f"{path}:{line}: {word}" for line, word in refused_words(source) if line not in data]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("path", pages())
def test_a_page_has_no_refused_word(path: str) -> None:
    found = refused_in_prose((ROOT / path).read_text(encoding="utf-8"))
    assert not (listed := [f"{path}:{line}: {word}" for line, word in found]), "\n".join(listed)


@pytest.mark.parametrize(("path", "name"), sorted(DATA))
def test_an_exception_that_holds_no_refused_word_is_removed(path: str, name: str) -> None:
    source = (ROOT / path).read_text(encoding="utf-8")
    assert {line for line, _ in refused_words(source)} & set(lines_of(source, name))


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("x = 1  # as it Said", [(1, "Said")]),
        ('"""One.\n\nIt says so.\n"""', [(3, "says")]),
        ("f'{count} are told'", [(1, "told")]),
        ("was_told = told_again = 1", [(1, "told"), (1, "told")]),
        ("class HasSaid: ...", [(1, "Said")]),
        (r"'\nanew'", [(1, "anew")]),
        ("TOLD = 'foretold, aforesaid, likewise, saids'", [(1, "TOLD")]),
        ("def tolds(): return 'an essay'", []),
    ],
)
def test_words_are_found_whole_in_comments_strings_and_identifiers(source: str, found: list[tuple[int, str]]) -> None:
    assert list(refused_words(source)) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("One.\n\nIt Says so.", [(3, "Says")]),
        ("`said_by` is gone\n```\nhe said\n```\ntold", [(5, "told")]),
        ("likewise, foretold", []),
    ],
)
def test_words_are_found_in_pages_outside_of_code(text: str, found: list[tuple[int, str]]) -> None:
    assert list(refused_in_prose(text)) == found
