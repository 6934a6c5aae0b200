from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from fusionlog.teachers.recorded.window_index import WindowIndex, from_field, text_hash, to_field

NAMES = st.text("abcdef", min_size=6, max_size=6)


def index_of(**windows: str) -> WindowIndex[str]:
    """Windows by name, each given as its texts."""
    index: WindowIndex[str] = WindowIndex()
    for name, texts in windows.items():
        index.add(Counter(texts.split()), name)
    return index


def find(index: WindowIndex[str], texts: str) -> str | None:
    return index.find(Counter(texts.split()))


def test_the_window_that_shares_most_lines_is_found() -> None:
    index = index_of(one="start1 read1 read2 end1", two="start2 read3 end2 read1")
    assert find(index, "start1 read1 read2 end1") == "one"
    assert find(index, "start1 read1 read2") == "one"
    assert find(index, "start2 read1 read3 other") == "two"


def test_less_than_half_of_either_side_is_another_window() -> None:
    index = index_of(one="a b c d")
    assert find(index, "a b") == "one"
    assert find(index, "a") is None
    assert find(index, "a b c e f g h") is None
    assert find(index, "x y") is None


def test_lines_that_many_windows_have_identify_none() -> None:
    index = index_of(one="start read end", two="start read crash", three="start end")
    assert find(index, "start read end") == "one"
    assert find(index, "start read") is None
    assert find(index, "start start read end") is None


def test_of_windows_that_share_as_many_the_one_with_the_nearest_counts_is_found() -> None:
    index = index_of(one="a b x", two="a b y y y")
    assert find(index, "a b x y y y") == "two"
    assert find(index, "a b x y") == "one"


def test_of_equal_windows_the_first_is_found() -> None:
    index = index_of(one="a b", two="b a", three="a c")
    assert (find(index, "a b"), len(index)) == ("one", 2)


def test_a_line_has_one_hash_raw_redacted_or_cut() -> None:
    long = "mail from ann@example.org " + "x " * 600
    assert text_hash(long) == text_hash(long.replace("ann@example.org", "<EMAIL>"))
    assert text_hash(long) != text_hash("mail to ann@example.org")
    assert len(text_hash("a lone surrogate \ud800")) == 6


@given(st.dictionaries(NAMES, st.integers(min_value=1, max_value=10_000), min_size=1))
def test_a_field_has_all_texts_and_counts(texts: dict[str, int]) -> None:
    assert from_field(to_field(texts)) == texts
