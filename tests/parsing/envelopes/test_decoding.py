import bz2
import gzip

import pytest

from fusionlog.errors import RecordError
from fusionlog.parsing.envelopes.decoding import text_of


def detail_of(value: bytes, encoding: str | None = None) -> str:
    with pytest.raises(RecordError) as raised:
        text_of(value, encoding)
    assert raised.value.reason == "not-text"
    return raised.value.detail


@pytest.mark.parametrize("text", ["disk full", "订单 17 已创建", "größe", "Ошибка", "ログイン失敗", "\U0001f600"])
def test_utf_8_is_text(text: str) -> None:
    assert text_of(text.encode(), None) == text
    assert text_of(b"\xef\xbb\xbf" + text.encode(), None) == text


@pytest.mark.parametrize(
    ("text", "encoding"),
    [("订单 17 已创建", "gbk"), ("ログイン失敗", "shift_jis"), ("로그인 실패", "euc_kr"), ("登入失敗", "big5"),
     ("Ошибка входа", "cp1251"), ("Größe überschritten", "latin-1"), ("disk full", "utf-16"), ("订单", "utf-16-be")],
)  # fmt: skip
def test_a_declared_encoding_is_read(text: str, encoding: str) -> None:
    assert text_of(text.encode(encoding), encoding) == text


@pytest.mark.parametrize(
    ("text", "encoding"),
    [("2026-03-04 10:11:00 INFO [order-service] order 17 订单", "gbk"), ("user ログイン failed", "shift_jis"),
     ("Ошибка входа user 17", "cp1251"), ("größe", "latin-1"), ("登入失敗 of user 17", "big5")],
)  # fmt: skip
def test_letters_of_another_encoding_are_refused_with_the_remedy(text: str, encoding: str) -> None:
    assert "set the system's encoding" in detail_of(text.encode(encoding))


@pytest.mark.parametrize(
    "value", [b"caf\xe9 is closed", b"d\xe9j\xe0 vu, dit-il", "12 € cut at its end".encode()[1:-1]]
)
def test_single_undecodable_bytes_are_tolerated(value: bytes) -> None:
    assert text_of(value, None).encode()


def test_a_character_cut_at_either_end_is_tolerated() -> None:
    assert text_of("订 order 17 has been created".encode()[1:], None) == "\ufffd\ufffd order 17 has been created"
    cri = b"2026-03-04T10:11:12.000000001Z stdout F "
    assert text_of(cri + "订 order 17".encode()[1:], None).endswith(" F \ufffd\ufffd order 17")
    assert text_of("order 17 has been created 订".encode()[:-1], None) == "order 17 has been created \ufffd"


@pytest.mark.parametrize(
    ("value", "remedy"),
    [
        (gzip.compress(b"disk full", mtime=0), "gzip"),
        (b"\x28\xb5\x2f\xfd\x20\x09\x49\x00\x00disk full", "zstd"),
        (b"\x04\x22\x4d\x18\x64\x40\xa7\x0f\x00\x00\x80disk full", "lz4"),
        ("disk full".encode("utf-16"), "encoding to utf-16"),
        ("disk full".encode("utf-16-le"), "encoding to utf-16-le"),
        ("disk full".encode("utf-16-be"), "encoding to utf-16-be"),
        ("disk full".encode("utf-32"), "encoding to utf-32"),
        (b"\x00\x00\x00\x00\x07\x12disk\x00\x01\x02", "schema registry"),
        (bytes(range(256)), "encoding"),
        (bz2.compress(b"disk full"), "encoding"),
        (b"\x82\xa3log\xa9disk full\xa4time\xcb\x41\xd9\x8c\x8a\x00\x00\x00\x00", "MessagePack"),
    ],
)
def test_binary_records_are_refused_with_the_remedy(value: bytes, remedy: str) -> None:
    assert remedy in detail_of(value)


def test_what_is_not_in_the_declared_encoding_is_refused() -> None:
    assert "gbk" in detail_of(b"\xff\xff\xff", "gbk")
    assert "utf-16" in detail_of(b"abc", "utf-16")
    assert "ascii" in detail_of("é".encode(), "ascii")
