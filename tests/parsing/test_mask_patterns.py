import pytest

from fusionlog.parsing.mask_patterns import is_local


@pytest.mark.parametrize(
    ("pattern", "local"),
    [
        (r"J\d+", True), (r"\bJ\d+\b", True), (r"(?<=user=)\w+", True), (r"(?i)inv-[0-9]+", True), ("[^,\\s]+x", True),
        (r"(?<=\" )5\d\d", False), ("^a", False), ("a.b", False), ("[^,]+x", False), (r"a\s*b", False),
        ("(?x)a b", False),
    ],
)  # fmt: skip
def test_an_expression_is_local_if_it_looks_at_no_blank_and_no_edge(pattern: str, local: bool) -> None:
    assert is_local(pattern) is local
