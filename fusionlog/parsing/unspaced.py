"""Text without blanks between words: Chinese, Japanese, Thai; names in Korean.

A sentence is one token there, so each name in it would make an event of its own. Two steps, by the line alone:

* `hide_names`: the name behind a word such as 用户, ユーザー, ผู้ใช้, 사용자 becomes `<*>`; so does a name of two to four
  characters that begins with a usual surname, before a verb, and one before さん or 様.
* `pieces`: a token becomes its words. Those of `unspaced_words` are constants to the miner, so that 成功 and 失败 are
  never of one template; what stands between is generalised as an English word is. `GLUE` marks a piece that follows the
  one before it without a blank; the text of a template is the sentence as it was.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from fusionlog.parsing import unspaced_words as words

GLUE = "\ue001"
_HAN, _KANA, _THAI, _HANGUL = (
    "\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff々",
    "\u3040-\u30ff\u31f0-\u31ff",
    "\u0e00-\u0e7f",
    "\uac00-\ud7af",
)
_UNSPACED = re.compile(f"[{_HAN}{_KANA}{_THAI}]")
_HANGULS = re.compile(f"[{_HANGUL}]")
_OPEN = "\"'“「『【《〈\\[(（"
_PARTICLE = "[がはをにのへとで]"
_LETTER = rf"[{_HAN}{_KANA}{_THAI}·A-Za-z0-9_.@-]"


def _any(known: Iterable[str]) -> str:
    """An alternation, the longest word first."""
    return "|".join(sorted(map(re.escape, set(known)), key=len, reverse=True))


_KNOWN = _any([*words.PERSONS, *words.PREDICATES, *words.NOUNS])
_NO_NAME = rf"(?!{_KNOWN}|名|{_PARTICLE})"
_NAME = rf"(?:(?!{_KNOWN}|(?<=[{_HAN}\u30a0-\u30ff]){_PARTICLE}){_LETTER}){{1,16}}"
_NAMED = re.compile(
    rf"({_any(words.PERSONS)})([:：=]?\s*[{_OPEN}]?){_NO_NAME}{_NAME}(?={_KNOWN}|{_PARTICLE}|[^\w<]|\Z)"
)
_SURNAMED = re.compile(
    rf"(?<![{_HAN}{_KANA}])(?!{_KNOWN})[{words.SURNAMES}](?:(?!{_KNOWN})[{_HAN}]){{1,3}}(?={_any(words.PREDICATES)})"
)
_HONOURED = re.compile(rf"(?<![{_HAN}])(?:(?!{_KNOWN})[{_HAN}]){{1,4}}(?=さん|様|氏(?!名))")
_KOREAN = re.compile(
    rf"((?:{_any(words.KOREAN_PERSONS)})\s*[:：=]?\s*[{_OPEN}]?)(?!{_any(words.KOREAN_NOUNS)})"
    rf"[{words.KOREAN_SURNAMES}][{_HANGUL}]{{1,2}}?(?=(?:{_any(words.KOREAN_PARTICLES)})?(?:[^\w<]|\Z))"
)
_PIECES = re.compile(
    rf"<[^<>\s]+>|{_KNOWN}|(?:(?!{_KNOWN})[{_HAN}])+|(?:(?!{_KNOWN})[\u3040-\u309f])+|(?:(?!{_KNOWN})[\u30a0-\u30ff\u31f0-\u31ff])+"
    rf"|(?:(?!{_KNOWN})[{_THAI}])+|(?:(?!{_KNOWN})[^<{_HAN}{_KANA}{_THAI}，。；：！？、])+|."
)
_IS_KNOWN = re.compile(_KNOWN).fullmatch


def hide_names(text: str) -> str:
    """A masked line with `<*>` for the names in it."""
    if _UNSPACED.search(text):
        text = _NAMED.sub(r"\1\2<*>", text)
        text = _HONOURED.sub("<*>", _SURNAMED.sub("<*>", text))
    return _KOREAN.sub(r"\1<*>", text) if _HANGULS.search(text) else text


def pieces(token: str) -> list[str]:
    """A token as its words, all but the first with `GLUE` before them; itself where its script has blanks."""
    if not _UNSPACED.search(token):
        return [token]
    first, *others = _PIECES.findall(token)
    return [first, *(GLUE + piece for piece in others)]


def is_word(piece: str) -> bool:
    """Whether a piece is one of the known words."""
    return _IS_KNOWN(piece.removeprefix(GLUE)) is not None


def joined(tokens: Iterable[str]) -> str:
    """The text of tokens, the pieces of one put together again."""
    return " ".join(tokens).replace(f" {GLUE}", "")
