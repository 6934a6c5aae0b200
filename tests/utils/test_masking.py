"""Logins in URLs are masked in texts and in single values; what is none stays as it is."""

from __future__ import annotations

import pytest

from fusionlog.utils.masking import has_secret, masked_text, masked_url


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("at https://me:hush@host:1/v1 now", "at https://***@host:1/v1 now"),
        ("at https://hush@host", "at https://***@host"),
        ("https://me:hush%40x@a, http://b, socks5://me:hush@c", "https://***@a, http://b, socks5://***@c"),
        ("'https://me:hu@sh@host'", "'https://***@host'"),
        ("https://host/path?mail=a@b", "https://host/path?mail=a@b"),
        ("see https://host and write to me@host", "see https://host and write to me@host"),
        ("no address", "no address"),
    ],
)
def test_logins_in_a_text_are_masked(text: str, masked: str) -> None:
    assert masked_text(text) == masked


@pytest.mark.parametrize(
    ("url", "masked"),
    [
        ("https://me:hush@host/v1", "https://***@host/v1"),
        ("https://me:hu/s?h#@host/v1", "https://***@host/v1"),
        ("me:hush@host:9092", "***@host:9092"),
        ("a:1,me:hush@host:9092", "***@host:9092"),
        ("https://host/v1?api-key=hush&v=1#x", "https://host/v1?api-key=***&v=***#x"),
        ("https://host:81/v1", "https://host:81/v1"),
        ("", ""),
    ],
)
def test_a_url_is_masked_as_a_whole(url: str, masked: str) -> None:
    assert masked_url(url) == masked and has_secret(url) == (url != masked)
