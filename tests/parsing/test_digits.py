import pytest

from fusionlog.parsing.digits import zeroed


@pytest.mark.parametrize(
    ("text", "zeros"),
    [("", ""), ("a1b20 9", "a0b00 0"), ("用户 42 ٣ ½", "用户 00 ٣ ½"), ("half \ud83d 7", "half \ud83d 0")],
)
def test_digits_of_ascii_become_zeros_and_nothing_else_changes(text: str, zeros: str) -> None:
    assert zeroed(text) == zeros
