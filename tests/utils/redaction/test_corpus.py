"""The bars of the redaction, on lines that it was tuned on and on lines that it was not."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.redaction import BARS, FILES, MOST_ALTERED, altered, lines_of, passes, share
from benchmarks.redaction_corpus import CORPUS, leaks, read_corpus
from benchmarks.report import BUNDLED


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("kind", BARS)
def test_what_must_go_is_gone(name: str, kind: str) -> None:
    cases = [case for case in read_corpus(CORPUS / f"{name}.tsv") if case.kind == kind]
    assert share(cases) >= BARS[kind], [case.text for case in cases if not passes(case)]


@pytest.mark.parametrize("name", FILES)
def test_harmless_lines_stay_as_they_are(name: str) -> None:
    assert [
        case.text for case in read_corpus(CORPUS / f"{name}.tsv") if case.kind == "harmless" and not passes(case)
    ] == []


@pytest.mark.parametrize("system", ["kafka", "postfix", "postgresql", "rabbitmq"])
def test_lines_of_recorded_systems_are_hardly_altered(system: str) -> None:
    lines = lines_of(BUNDLED, system)[::10]
    assert sum(map(altered, lines)) < MOST_ALTERED * len(lines)


def test_a_part_of_a_secret_is_a_leak() -> None:
    assert leaks("hunter2", "login hunter2") and leaks("abcdefghijklmnopqrst", "x abcdefghij")
    assert not leaks("abcdefghijklmnopqrst", "x abcd") and leaks("417", "cvv=417")


def test_a_case_that_is_none_is_named(tmp_path: Path) -> None:
    path = tmp_path / "corpus.tsv"
    path.write_text("# a\ncredential\tform\tnothing is marked\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"line 2: what must go"):
        read_corpus(path)
