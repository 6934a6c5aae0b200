"""The masks of the baseline of `benchmarks.parse`, frozen: one expression a line, nothing cached, no codes kept.

Variables that a line's form alone shows are replaced by placeholders before Drain3.

All masks are one expression, an alternative each: one pass over a line is twice as fast as one pass a mask. At one
place the first alternative wins: the system's own masks, then the built-in ones in the order below. Session keys are
masked by place, where the session's expression found them in the line: at one place they come before all masks.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from fusionlog.errors import SettingError
from fusionlog.parsing.session_keys import KeyExpression, KeyMatch, refuse_empty

_H = "[0-9A-Fa-f]"
_END = "(?![A-Za-z0-9])"
_UNIT = f"(?:[KMGT]i?[Bb]?|[kmgt]i?[Bb]|[Bb]|[mnu]?s|min|h|d){_END}"
_CLOCK = "[0-9]{1,2}:[0-9]{2}:[0-9]{2}(?:[.,][0-9]+)?"
_DAY = "[0-9]{4}[-/][0-9]{2}[-/][0-9]{2}"

_GUARD = r"(?<![A-Za-z0-9])(?=[0-9A-Fa-f/\\+:-]|[A-Za-z]:\\)"
"""The common prefix of all built-in masks: tested once a place instead of once a mask, which is 2.4 times as fast."""

BUILT_IN: Mapping[str, str] = {
    "UUID": rf"{_H}{{8}}(?:-{_H}{{4}}){{3}}-{_H}{{12}}{_END}",
    "TIME": rf"(?<![.:])(?:{_DAY}(?:[T ]{_CLOCK})?|{_CLOCK})(?:Z|[+-][0-9]{{2}}:?[0-9]{{2}})?(?![A-Za-z0-9:])",
    "MAC": rf"(?<!:){_H}{{2}}(?::{_H}{{2}}){{5}}(?![A-Za-z0-9:])",
    "IP": rf"(?<!\.)/?[0-9]{{1,3}}(?:\.[0-9]{{1,3}}){{3}}(?::[0-9]+)?(?!\.?[A-Za-z0-9])"
    rf"|(?<![.:])(?:(?:{_H}{{1,4}}:){{7}}{_H}{{1,4}}|(?=[A-Fa-f:]*[0-9])(?:{_H}{{1,4}}(?::{_H}{{1,4}}){{0,5}})?::"
    rf"{_H}{{1,4}}(?::{_H}{{1,4}}){{0,5}})(?![A-Za-z0-9:])",
    "PATH": r"(?<![_.<>)\]])(?:(?:/{1,2}[\w.@%+=~,:$#&?-]*[\w$~])+/?"
    r"|(?:[A-Za-z]:|\\)(?:\\[\w.@%+=~,$#&-]*[\w$~])+\\?)",
    "HEX": rf"0[xX]{_H}+{_END}",
    "NUM": rf"(?<![0-9]\.)(?:[-+]?[0-9]++(?>(?:\.[0-9]++)*)(?:[eE][-+]?[0-9]+)?(?:{_END}|(?={_UNIT}))"
    rf"|(?=[A-Fa-f]*[0-9]|[Ff]+{_END}){_H}{{8,}}{_END})",
}
"""By placeholder. NUM is also a bare run of 8 and more hexadecimal digits: some of those have no letter. A number keeps
the unit that is written to it, and `_`, `-`, `:` and `=` bound it; one inside a word (`eth0`, `sha256`) is part of it.
"""

_ID = r"(?<![A-Za-z0-9])(?=[A-Za-z]*[0-9][A-Za-z0-9]*[0-9])(?=[0-9]*[A-Za-z])[A-Za-z0-9]{10,}+"
"""A made-up name: ten or more letters and digits, two digits at least: `4jXd2z1SSW1`, `k9tUz8TdRJKZIPcKxKYfHw`."""

_ADDRESS = re.compile(r"(?:[\w.+-]|<[A-Z]+>)+@(?:[\w-]+|<[A-Z]+>)(?:\.(?:[\w-]+|<[A-Z]+>))*")
"""`user@host`, a message's id, an object's address; looked for in a masked text that has an @ at all."""


_KEY = "_key"
_PIECES = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\(\?<?[=!]|\(\?\(|.", re.DOTALL)
_CONTEXT = re.compile(r"[\^$]|\\[AbBZ1-9]|\(\?<?[=!]|\(\?\(")
"""Pieces of an expression that look at what stands around a match, or number its groups."""


class Masks:
    """Replaces variables by `<UUID>`, `<NUM>`..., and session keys by `<KEY>`.

    :param extra: the system's own masks; `job: J[0-9]+` becomes `<JOB>`.
    :param session: the session's expression. Where its matches do not depend on what stands around them they are found
        in the content by one expression with the masks, which is faster than by place and has the same result.
    :raises SettingError: an expression matches nothing at all, or cannot stand in an alternation.
    """

    def __init__(self, extra: Mapping[str, str], session: str | None = None) -> None:
        named = [(f"masks.{name}", _placeholder(name), pattern) for name, pattern in extra.items()]
        alternatives = [
            _alternative(f"_{place}", setting, pattern) for place, (setting, _, pattern) in enumerate(named)
        ]
        alternatives.append(_built_in())
        self._placeholders = {f"_{place}": f"<{name}>" for place, (_, name, _) in enumerate(named)}
        self._placeholders |= {name: f"<{name}>" for name in (*BUILT_IN, "ID")}
        self._pattern = _combine(alternatives)
        self._substitute = self._pattern.sub
        self._session = KeyExpression(session)
        self._keyed = _keyed(session, alternatives)
        self._key_group = 2 if session and re.compile(session).groups else 1

    def mask(self, text: str, keys: Sequence[KeyMatch] = ()) -> str:
        """The text with a placeholder for each match of a mask.

        :param keys: the matches of the session's expression in the text, in order.
        """
        masked = self._with_keys(text, keys) if keys else self._substitute(self._replace, text)
        return _ADDRESS.sub("<ADDRESS>", masked) if "@" in masked else masked

    def mask_content(self, text: str, keys: Sequence[KeyMatch] = ()) -> str:
        """The masked content of a line; `keys` are not needed where `finds_keys`."""
        if self._keyed is None:
            return self.mask(text, keys)
        masked = self._keyed.sub(self._replace_keyed, text)
        return _ADDRESS.sub("<ADDRESS>", masked) if "@" in masked else masked

    @property
    def finds_keys(self) -> bool:
        """Whether the session's expression finds its keys in a content by itself, as it does in the line."""
        return self._keyed is not None

    def places(self, text: str, keys: Sequence[KeyMatch] = ()) -> list[tuple[int, int]]:
        """The places of the placeholders of `mask_content` without those of addresses: from, to."""
        if self._keyed is not None:
            keys = self._session.find(text)
        return [(start, end) for start, end, _ in self._spans(text, keys)]

    def _replace(self, match: re.Match[str]) -> str:
        return self._placeholders[match.lastgroup or ""]

    def _replace_keyed(self, match: re.Match[str]) -> str:
        name = match.lastgroup or ""
        if name != _KEY:
            return self._placeholders[name]
        start, end = match.span(self._key_group)
        if start < 0 or start == end:
            return "<KEY>"
        whole, offset = match[0], match.start()
        return f"{whole[: start - offset]}<KEY>{whole[end - offset :]}"

    def _with_keys(self, text: str, keys: Sequence[KeyMatch]) -> str:
        pieces: list[str] = []
        end = 0
        for first, last, placeholder in self._spans(text, keys):
            pieces += (text[end:first], placeholder)
            end = last
        return "".join([*pieces, text[end:]])

    def _spans(self, text: str, keys: Sequence[KeyMatch]) -> list[tuple[int, int, str]]:
        """The placeholders of a text: from, to, the placeholder.

        What begins first wins, and a key wins over a mask that begins where its match does. The masks are searched for
        again only behind a key that took a part of what they found, so a text takes linear time.
        """
        spans: list[tuple[int, int, str]] = []
        masks, end = self._pattern.finditer(text), 0
        mask = next(masks, None)
        for start, stop, key, key_stop in keys:
            while mask is not None and mask.start() < start:
                spans.append((*mask.span(), self._replace(mask)))
                end, mask = mask.end(), next(masks, None)
            if start < end:
                continue
            spans.append((key, key_stop, "<KEY>"))
            end = stop
            while mask is not None and mask.start() < end:
                if mask.end() > end:
                    masks = self._pattern.finditer(text, end)
                mask = next(masks, None)
        while mask is not None:
            spans.append((*mask.span(), self._replace(mask)))
            mask = next(masks, None)
        return spans


def _placeholder(name: str) -> str:
    if not re.fullmatch(r"\w+", name):
        raise SettingError(f"masks.{name}", name, "a mask's name must be one word, as it becomes the placeholder")
    return name.upper()


def _alternative(group: str, setting: str, pattern: str) -> str:
    """A pattern of the settings as one alternative. Flags at its front hold for itself alone."""
    refuse_empty(setting, pattern)
    if re.search(r"(?<!\\)(?:\\\\)*\\[1-9]", pattern):
        raise SettingError(setting, pattern, "a numbered back-reference; name the group, (?P<x>...) and (?P=x)")
    flags = re.match(r"\(\?([aimsx]+)\)", pattern)
    body = f"(?{flags[1]}:{pattern[flags.end() :]})" if flags else pattern
    return f"(?P<{group}>{body})"


def _keyed(session: str | None, alternatives: Sequence[str]) -> re.Pattern[str] | None:
    """The masks with the session's expression before them, None where it looks at what stands around its matches."""
    if not session or any(_CONTEXT.fullmatch(piece) for piece in _PIECES.findall(session)):
        return None
    try:
        return _combine([_alternative(_KEY, "session", session), *alternatives])
    except SettingError:
        return None


def _built_in() -> str:
    masks = "|".join(f"(?P<{name}>{pattern})" for name, pattern in BUILT_IN.items())
    return f"{_GUARD}(?:{masks})|(?P<ID>{_ID})"


def _combine(alternatives: Sequence[str]) -> re.Pattern[str]:
    try:
        return re.compile("|".join(alternatives))
    except re.error as error:
        raise SettingError("masks", error.pattern, f"the masks do not stand together: {error.msg}") from error
