import pytest

from fusionlog.utils.ansi import strip_ansi


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b[1;38;5;9mbold\x1b[m and \x1b[2Kcleared", "bold and cleared"),
        ("[31m is no colour", "[31m is no colour"),
        ("a lone \x1b stays", "a lone \x1b stays"),
    ],
)
def test_colours_go_and_text_stays(text: str, shown: str) -> None:
    assert strip_ansi(text) == shown
