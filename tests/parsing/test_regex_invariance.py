import pytest

from fusionlog.parsing.regex_invariance import DIGITS, HEX_DIGITS, is_invariant


@pytest.mark.parametrize("pattern", [r"blk_-?\d+", "[0-9a-f]{8}-[0-9a-f]{4}", r"s=(\w+)", "", "[^a-z]+", "(?i)job"])
def test_expressions_that_treat_digits_alike(pattern: str) -> None:
    assert is_invariant(pattern, DIGITS)


@pytest.mark.parametrize("pattern", ["k1", "[1-9]", "[+-0-9]", r"\x31", r"127\.0", r"\{3}", "[{3}]", r"(a)\1", "a0-9"])
def test_expressions_that_may_not(pattern: str) -> None:
    assert not is_invariant(pattern, DIGITS)


@pytest.mark.parametrize(
    "pattern", ["(?:instance: |/servers/)([0-9a-f]{8}-[0-9a-f]{4})", r"id=(?P<key>[\w-]{36})", "(?<=req-)[^ ]+", "."]
)
def test_expressions_that_treat_hexadecimal_digits_alike(pattern: str) -> None:
    assert is_invariant(pattern, HEX_DIGITS)


@pytest.mark.parametrize(
    "pattern",
    [
        r"blk_-?\d+",
        "[a-z]+",
        "abc",
        "_add",
        "id-add",
        "n?ab",
        "(?i)id",
        "(?i:id)",
        r"(?P<k>\w)(?P=k)",
        "[0-9A-F]{8}",
        "k|a",
    ],
)
def test_expressions_that_may_not_with_letters(pattern: str) -> None:
    assert not is_invariant(pattern, HEX_DIGITS)
