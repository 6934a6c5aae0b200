import pytest

from fusionlog.utils.encodings import check_encoding


@pytest.mark.parametrize(
    "name", ["utf-8", "UTF8", "gbk", "GB18030", "shift_jis", "latin-1", "utf-16", "cp1251", "big5"]
)
def test_text_encodings_of_python_are_known(name: str) -> None:
    assert check_encoding(name) == name


@pytest.mark.parametrize("name", ["", "gkb", "hex", "base64", "rot13", "idna", "unicode-escape", "undefined", "a\0b"])
def test_another_codec_is_refused_with_the_remedy(name: str) -> None:
    with pytest.raises(ValueError, match=r"no text encoding .*gbk"):
        check_encoding(name)
