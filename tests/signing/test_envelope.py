"""The bytes that a signature covers: equal bytes are of equal parts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fusionlog.errors import RecordError
from fusionlog.signing.envelope import HEADER, Signature, key_of, message, signature_in
from fusionlog.signing.kinds import KINDS

PARTS = st.tuples(
    st.sampled_from(KINDS), st.sampled_from(["labels", "models", "feedback"]), st.binary(max_size=4),
    st.integers(0, 10**13), st.binary(max_size=4),
)  # fmt: skip


def test_the_canonical_bytes_are_these() -> None:
    """A change of them makes every signature on every topic invalid."""
    assert message("label", "labels", b"shop/ab", 1000, b'{"v":2}') == (
        b"fusionlog record signature 1"
        b"\0\0\0\0\0\0\0\x05label"
        b"\0\0\0\0\0\0\0\x06labels"
        b"\0\0\0\0\0\0\0\x07shop/ab"
        b"\0\0\0\0\0\0\0\x041000"
        b'\0\0\0\0\0\0\0\x07{"v":2}'
    )


@given(PARTS, PARTS)
def test_different_parts_are_different_bytes(one: tuple, other: tuple) -> None:
    assert (message(*one) == message(*other)) == (one == other)


def test_no_byte_moves_between_key_and_value() -> None:
    assert message("label", "labels", b"shop/ab", 0, b"c") != message("label", "labels", b"shop/a", 0, b"bc")


@given(st.integers(0, 10**13), st.binary(min_size=64, max_size=64))
def test_a_signature_comes_back_from_its_text(at: int, value: bytes) -> None:
    found = Signature("ab" * 8, at, value)
    assert Signature.of(found.encode()) == found


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ab" * 32,
        "1.k.1",
        "2.k.1.YQ==",
        "1.k.-1.YQ==",
        "1.k.١.YQ==",
        "1.k.9999999999999999.YQ==",
        "1.k.1.é",
        "1.k.1.Y",
    ],
)
def test_a_text_of_another_form_is_refused(text: str) -> None:
    with pytest.raises(RecordError, match="bad-signature"):
        Signature.of(text)
    assert key_of(text) is None


@given(st.text(max_size=60))
def test_no_text_raises_anything_else(text: str) -> None:
    try:
        Signature.of(text)
    except RecordError as error:
        assert error.reason == "bad-signature"


@pytest.mark.parametrize(
    ("headers", "found"),
    [
        (None, None), ([], None), ([("other", b"x")], None), ([(HEADER, None)], ""), ([(HEADER, b"a\xff")], "a\ufffd"),
        ([(HEADER, b"first"), (HEADER, b"second")], "first"),
    ],
)  # fmt: skip
def test_the_header_is_found(headers: list[tuple[str, bytes | None]] | None, found: str | None) -> None:
    assert signature_in(headers) == found
