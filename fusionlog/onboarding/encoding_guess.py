"""The encoding of records that are not UTF-8, by what their bytes would be as text."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

MAX_BYTES = 200_000
FEW_CHARACTERS = 40
"""Fewer characters outside ASCII than this prove little."""

_KANA = re.compile("[\u3040-\u30ff]")
_HANGUL = re.compile("[\uac00-\ud7a3]")
_CYRILLIC = re.compile("[\u0410-\u044f\u0401\u0451]{2,}")
_LATIN = re.compile("(?<=[A-Za-z])[\u00c0-\u00ff]+|[\u00c0-\u00ff]+(?=[a-z])|[\u2018-\u201d\u20ac\u00a3\u00b0\u00a7]")


class EncodingGuess(NamedTuple):
    """An encoding by its Python name, the share of characters that are as expected of it, and how many there were."""

    name: str
    share: float
    characters: int


def guess_encoding(values: Sequence[bytes]) -> EncodingGuess:
    """The encoding of records: UTF-8 where all decode, else the candidate whose text looks most like text."""
    joined = b"\n".join(values)[:MAX_BYTES]
    wide = _utf16(values)
    if wide is not None:
        return wide
    other = [value for value in values if not _decodes(value, "utf-8")]
    if not other:
        return EncodingGuess("utf-8", 1.0, sum(byte >= 0x80 for byte in joined))
    sample = b"\n".join(other)[:MAX_BYTES]
    guesses = [EncodingGuess(name, *_expected(sample, name, is_usual)) for name, is_usual in _CANDIDATES.items()]
    return max(guesses, key=lambda guess: guess.share)


def _utf16(values: Sequence[bytes]) -> EncodingGuess | None:
    """UTF-16 by its byte order mark, or by the zeros that ASCII has in it."""
    filled = [value for value in values if value]
    marked = sum(value[:2] in (b"\xff\xfe", b"\xfe\xff") for value in filled)
    if filled and marked > 0.5 * len(filled):
        return EncodingGuess("utf-16", marked / len(filled), sum(map(len, filled)) // 2)
    for name, place in (("utf-16-le", 1), ("utf-16-be", 0)):
        zeros = sum(value[place::2].count(0) for value in filled)
        halves = sum(len(value[place::2]) for value in filled)
        if halves and zeros > 0.6 * halves:
            return EncodingGuess(name, zeros / halves, halves)
    return None


def _expected(sample: bytes, name: str, is_usual: Callable[[str], int]) -> tuple[float, int]:
    """The share of characters outside ASCII that are usual, and their number."""
    text = sample.decode(name, errors="replace")
    other = [character for character in text if character > "\x7f"]
    return (min(is_usual(text) / len(other), 1.0) if other else 0.0), len(other)


def _level_one(codec: str, first: int, last: int) -> Callable[[str], int]:
    """Counts the common characters of a double-byte encoding: those of a range of first bytes, and its marks."""

    def count(text: str) -> int:
        usual = 0
        for character in text:
            if character > "\x7f" and character != "\ufffd":
                coded = character.encode(codec, errors="ignore")
                usual += len(coded) == 2 and (first <= coded[0] <= last or coded[0] in (0xA1, 0xA3))
        return usual

    return count


def _japanese(text: str) -> int:
    """All of its characters where a good part are kana, else those. Half-width ones are Chinese read wrongly."""
    kana, other = len(_KANA.findall(text)), sum(each > "\x7f" and each != "\ufffd" for each in text)
    return other if kana >= 0.2 * other else kana


def _letters(pattern: re.Pattern[str]) -> Callable[[str], int]:
    return lambda text: sum(len(found) for found in pattern.findall(text))


def _korean(text: str) -> int:
    """Hangul; slightly more than what Chinese, too, has among its common characters."""
    marks = sum("\u3000" <= each <= "\u303f" or "\uff00" <= each <= "\uff5e" for each in text)
    hangul, other = len(_HANGUL.findall(text)), sum(each > "\x7f" for each in text)
    return hangul + marks if hangul >= 0.95 * (other - marks) else hangul // 2


def _decodes(value: bytes, name: str) -> bool:
    try:
        value.decode(name)
    except UnicodeDecodeError:
        return False
    return True


# Of equal shares the first counts: Korean and Japanese text is common Chinese by its bytes, not the other way round.
_CANDIDATES: dict[str, Callable[[str], int]] = {
    "euc_kr": _korean,
    "shift_jis": _japanese,
    "euc_jp": _japanese,
    "gbk": _level_one("gb2312", 0xB0, 0xD7),
    "big5": _level_one("big5", 0xA4, 0xC6),
    "cp1251": _letters(_CYRILLIC),
    "cp1252": _letters(_LATIN),
}
