"""Masks: variables that a line's form alone shows, replaced by placeholders before Drain3; codes stay.

All masks are one expression, an alternative each. At one place the first alternative wins: the system's own masks, then
the built-in ones in the order below. Session keys and codes (`parsing.codes`) are found before and masked, or kept, by
place: at one place they come before the built-in masks, and a system's own mask comes before a code.

Lines of most systems repeat their blank-separated tokens, so a token is masked once (`_TokenMemo`). Nothing that the
built-in masks look at reaches over a blank, except for these, which are handled by name:

| what reaches over a blank | how |
|---|---|
| a date, a blank, a clock | both tokens are masked together |
| a code and its context: `exit code 137` | tokens that open a context are marked in the memo |
| a session key | replaced before the line is split; where a mask may reach into it, the line is masked whole |
| `keep`; a mask of the system that may match a blank or an edge | where it matches, the line is masked whole |
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from fusionlog.errors import SettingError
from fusionlog.parsing.codes import MAX_AHEAD, Candidate, across, in_token, kinds_opened, may_open_key, merged, possible
from fusionlog.parsing.digits import zeroed
from fusionlog.parsing.session_keys import KeyMatch, refuse_empty
from fusionlog.parsing.templates import CONSTANT
from fusionlog.utils.bounded_cache import BoundedCache

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
    "NUM": rf"(?<![0-9]\.)(?:[-+]?[0-9]++(?:\.[0-9]++)*+(?:[eE][-+]?[0-9]+)?(?:{_END}|(?={_UNIT}))"
    rf"|(?=[A-Fa-f]*[0-9]|[Ff]+{_END}){_H}{{8,}}{_END})",
}
"""By placeholder. NUM is also a bare run of 8 and more hexadecimal digits: some of those have no letter. A number keeps
the unit that is written to it, and `_`, `-`, `:` and `=` bound it; one inside a word (`eth0`, `sha256`) is part of it.
"""

_ID = r"(?<![A-Za-z0-9])(?=[A-Za-z]*[0-9][A-Za-z0-9]*[0-9])(?=[0-9]*[A-Za-z])[A-Za-z0-9]{10,}+"
"""A made-up name: ten or more letters and digits, two digits at least: `4jXd2z1SSW1`, `k9tUz8TdRJKZIPcKxKYfHw`."""

_ADDRESS = re.compile(r"(?:[\w.+-]|<[A-Z]+>)+@(?:[\w-]+|<[A-Z]+>)(?:\.(?:[\w-]+|<[A-Z]+>))*")
"""`user@host`, a message's id, an object's address; looked for in a masked text that has an @ at all."""


_CONSTANT_END = "\ue001"
_CONTEXT = "\ue002"
_RESERVED = re.compile("[\ue000-\ue002]")
_CONSTANTS = re.compile(f"{CONSTANT}([^{_CONSTANT_END}]*){_CONSTANT_END}")
_PLACEHOLDER = re.compile("<[A-Z]+>")
_WORD = re.compile(r"\w")
_NAME_BEFORE = re.compile(r"[A-Za-z_][\w.-]{0,39}(?:=>|[=:])[\"'(\[]*\Z")
_QUOTES_BEFORE = re.compile(r"[\"'`\\(\[{<]+\Z")
_TOKEN = re.compile(r"\S+")
_DAY_LAST = re.compile(rf"(?<![A-Za-z0-9.:]){_DAY}\Z")
_CLOCK_FIRST = re.compile("[0-9]{1,2}:[0-9]{2}:[0-9]{2}")
_STARTS_NOTHING = re.compile(r"[^\w/\\:+-]*")
"""Before a key: no built-in mask begins in it. (A letter and a colon begin a path, a sign a number.)"""
_HOLDS_NOTHING = re.compile(r"[^\w$~@]*")
"""Behind a key: no built-in mask ends in it, nor an address."""

_UNMASKED = re.compile(r"(?!.*(?:::|[Ff]{8}))[^0-9/\\@]*", re.DOTALL)

_MADE_UP = re.compile(
    r"(?=[A-Za-z]*[0-9][A-Za-z0-9]*[0-9])(?=[A-Za-z0-9]*[G-Zg-z])(?!0[xX])"
    r"(?![0-9]++(?:[eE][0-9]++)?[A-Za-z]{1,3}(?![A-Za-z0-9]))[A-Za-z0-9]{10,}([:,;.)\]]?)"
)
"""A token that is an ID for sure, and comes once: no number with a unit, and not hexadecimal."""
_PATH_ALONE = re.compile(r"(?=/[A-Za-z])(?:/[\w.@%+=~,:$#&?-]*\w)++([.,;:)\]]?)")
"""A token that is a path for sure; most of the others come once as well."""
_ADDRESS_ALONE = re.compile(r"((?:(?:[a-z]{1,7}[_-])?[a-z]{1,7}=)?<)[a-z0-9_.+]+@[a-z]++(?:\.[a-z]++)*+(>[,;.:)]?)")
"""A token that is an address for sure: no mask takes a word of seven letters, and what stands before the @ goes whole,
whichever masks match in it. A message's id comes once or twice."""
_ALONE = "d"
"""Kinds of contexts that depend on no token ahead."""
_DIGIT = re.compile("[0-9]")
_FOLDED_CHARS = 8
_HEX_RUN = re.compile(
    "(?<![A-Za-z0-9.:+-])(?=[0-9a-f]*[a-f][0-9a-f]*[0-9])(?![0-9]++e[0-9]++[bd]?(?![0-9a-f]))"
    "[0-9a-f]{8,}+(?![A-Za-z0-9:-])"
)
"""What NUM masks, or a mask that holds it whole, whichever hexadecimal digits it has: no number with a unit."""
_HEX_ZERO = "a0000000"
_FREE_UUID = re.compile(
    r"(?:(?<![A-Za-z0-9.,:+-])|(?<=[A-Za-z0-9]-)(?<![0-9][eE]-))"
    r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?![A-Za-z0-9]|\.\S)"
)
"""A UUID that is masked whole whichever it is (see `line_cache`)."""
_UUID_ZERO = "00000000-0000-0000-0000-000000000000"

MEMO_TOKENS = 20_000
MEMO_CHARS = 200

_PIECES = re.compile(
    r"\\(?:x\w\w|u\w{4}|U\w{8}|N\{[^}]*\}|0[0-7]{0,2}|.)"
    r"|\[\^?\]?(?:\\.|[^\]\\])*\]|\(\?[aiLmsux-]+[:)]|\(\?(?:[:=!>]|<[=!]|P[<=>]|\()|.",
    re.DOTALL,
)
_EDGES = frozenset(["^", "$", r"\A", r"\Z", r"\B"])
_BLANKS = (" ", "\t", "\n", "\x1c", "\xa0")


Claim = tuple[int, int, int, int, str]
"""A key or a code in a text: its match from, to; what of it is replaced from, to; by what."""


class Masks:
    """Replaces variables by `<UUID>`, `<NUM>`..., and session keys by `<KEY>`.

    In a masked content a token that stays as it is begins with `CONSTANT`: a code with its key, or a placeholder of the
    system's own masks. Where more than punctuation and placeholders stands around it in its token, that becomes tokens
    of its own.

    :param extra: the system's own masks; `job: J[0-9]+` becomes `<JOB>`.
    :param keep: expressions with a group: what the group matches is a code.
    :raises SettingError: an expression matches nothing at all, or cannot stand in an alternation.
    """

    def __init__(self, extra: Mapping[str, str], keep: Sequence[str] = ()) -> None:
        named = [(f"masks.{name}", _placeholder(name), pattern) for name, pattern in extra.items()]
        own = [_alternative(f"_{place}", setting, pattern) for place, (setting, _, pattern) in enumerate(named)]
        self._placeholders = {
            f"_{place}": f"{CONSTANT}<{name}>{_CONSTANT_END}" for place, (_, name, _) in enumerate(named)
        }
        self._placeholders |= {name: f"<{name}>" for name in (*BUILT_IN, "ID")}
        self._pattern = _combine([*own, _built_in()])
        self._own = _combine(own) if own else None
        self._keep = [re.compile(each) for each in keep]
        wide = [each for each, (_, _, pattern) in zip(own, named, strict=True) if not is_local(pattern)]
        self._wide = [*([_combine(wide)] if wide else []), *self._keep]
        self._memo = _TokenMemo(self, not own)
        self._memoised = self._memo.__getitem__

    def mask(self, text: str, keys: Sequence[KeyMatch] = ()) -> str:
        """The text with a placeholder for each match of a mask; codes are numbers as others are.

        :param keys: the matches of the session's expression in the text, in order.
        """
        masked = self._replaced(text, [(*key, "<KEY>") for key in keys])
        return masked.replace(CONSTANT, "").replace(_CONSTANT_END, "")

    def mask_content(self, text: str, keys: Sequence[KeyMatch] = ()) -> str:
        """The masked content of a line, its tokens with single blanks between, its codes kept."""
        if not text.isascii():
            text = _RESERVED.sub("\ufffd", text)
        if self._wide and any(each.search(text) for each in self._wide):
            return self.mask_whole(text, keys)
        if keys:
            replaced = self._with_keys(text, keys)
            if replaced is None:
                return self.mask_whole(text, keys)
            text = replaced
        tokens = text.split()
        parts = [*map(self._memoised, tokens)]
        masked = " ".join(parts)
        return self._in_context(tokens, parts) if _CONTEXT in masked else masked

    def mask_whole(self, text: str, keys: Sequence[KeyMatch] = ()) -> str:
        """`mask_content` without a memo, and with all that reaches over a blank."""
        found = _found(_key_text(text, keys).split())
        claims = [(*key, "<KEY>") for key in keys]
        claims += self._kept(text, claims)
        claims += self._codes(text, keys, found, claims)
        masked = self._replaced(text, sorted(claims))
        return " ".join([_split_constants(token) for token in masked.split()])

    def places(self, text: str, keys: Sequence[KeyMatch] = ()) -> list[tuple[int, int]]:
        """The places of the placeholders of masks and keys without those of addresses: from, to."""
        return [(start, end) for start, end, _ in self._spans(text, [(*key, "<KEY>") for key in keys])]

    def code_places(self, text: str, keys: Sequence[KeyMatch], start: int) -> list[tuple[int, int, int, int]]:
        """The places that may have codes in the line whose content begins at `start`: core and code, from, to each."""
        found = self._memo.found(_key_text(text, keys).split())
        places = [*in_text(text, keys, found), *(_whole_place(each) for each in self._kept(text, ()))]
        return [
            (each.start + start, each.stop + start, each.code + start, each.code_stop + start)
            for each in sorted(set(places))
        ]

    def _replace(self, match: re.Match[str]) -> str:
        return self._placeholders[match.lastgroup or ""]

    def _replaced(self, text: str, claims: Sequence[Claim]) -> str:
        masked = self._joined(text, claims) if claims else self._pattern.sub(self._replace, text)
        return _ADDRESS.sub("<ADDRESS>", masked) if "@" in masked else masked

    def _joined(self, text: str, claims: Sequence[Claim]) -> str:
        pieces: list[str] = []
        end = 0
        for first, last, placeholder in self._spans(text, claims):
            pieces += (text[end:first], placeholder)
            end = last
        return "".join([*pieces, text[end:]])

    def _spans(self, text: str, claims: Sequence[Claim]) -> list[tuple[int, int, str]]:
        """The placeholders of a text: from, to, the placeholder.

        What begins first wins, and a key or a code wins over a mask that begins where its match does. The masks are
        searched for again only behind one that took a part of what they found, so a text takes linear time.
        """
        spans: list[tuple[int, int, str]] = []
        masks, end = self._pattern.finditer(text), 0
        mask = next(masks, None)
        for start, stop, key, key_stop, placeholder in claims:
            while mask is not None and mask.start() < start:
                spans.append((*mask.span(), self._replace(mask)))
                end, mask = mask.end(), next(masks, None)
            if start < end:
                continue
            spans.append((key, key_stop, placeholder))
            end = stop
            while mask is not None and mask.start() < end:
                if mask.end() > end:
                    masks = self._pattern.finditer(text, end)
                mask = next(masks, None)
        while mask is not None:
            spans.append((*mask.span(), self._replace(mask)))
            mask = next(masks, None)
        return spans

    def _with_keys(self, text: str, keys: Sequence[KeyMatch]) -> str | None:
        """The text with `<KEY>` for its keys, None where a mask may reach into a key's match or begin behind it."""
        if self._own is not None:
            return None
        return _key_text(text, keys) if all([_stands_apart(text, key) for key in keys]) else None

    def _in_context(self, tokens: list[str], parts: list[str]) -> str:
        """The masked content of tokens of which some open a context, or may belong together."""
        days: list[int] = []
        codes: dict[int, tuple[Candidate, ...]] = {}
        for at in [at for at, part in enumerate(parts) if part == _CONTEXT]:
            context = self._memo.context(tokens[at])
            parts[at] = context.masked
            if context.kinds:
                for number, place in self._memo.across(tokens, at, context.kinds):
                    if place.accepted:
                        codes[number] = (*codes.get(number, ()), place)
            if context.is_day and at + 1 < len(tokens) and _CLOCK_FIRST.match(tokens[at + 1]):
                days.append(at)
        for number, places in codes.items():
            parts[number] = self._memo.coded(tokens[number], places)
        for start, stop in _runs(days):
            parts[start:stop] = [self.mask_whole(" ".join(tokens[start:stop])), *[""] * (stop - start - 1)]
        return " ".join([part for part in parts if part] if days else parts)

    def mask_token(self, token: str, codes: Sequence[Candidate]) -> str:
        """A token with placeholders, its codes kept; tokens where something else stands around a code."""
        claims = [_claim(token, each) for each in codes if each.accepted]
        if claims and self._own is not None:
            claims = self._without_own(token, claims)
        masked = self._replaced(token, claims)
        return _split_constants(masked) if CONSTANT in masked else masked

    def _without_own(self, text: str, claims: Sequence[Claim]) -> list[Claim]:
        """The claims that no match of the system's own masks overlaps."""
        own = [match.span() for match in self._own.finditer(text)] if self._own is not None else []
        return [each for each in claims if not any(start < each[1] and each[0] < stop for start, stop in own)]

    def _kept(self, text: str, taken: Sequence[Claim]) -> list[Claim]:
        """What the expressions of `keep` match outside the keys: words of at most 40 characters."""
        claims: list[Claim] = []
        for expression in self._keep:
            for match in expression.finditer(text):
                start, stop = match.span(1)
                if 0 <= start < stop <= start + MAX_KEPT_CHARS and not any(map(str.isspace, match[1])):
                    name = "" if any(map(str.isspace, text[match.start() : start])) else text[match.start() : start]
                    claims.append(_claim(text, Candidate(start - len(name), stop, start, stop, True)))
        return _free(sorted(claims), taken)

    def _codes(
        self, text: str, keys: Sequence[KeyMatch], found: Sequence[tuple[int, Candidate]], taken: Sequence[Claim]
    ) -> list[Claim]:
        """The codes of a whole text as claims, without those that overlap a claim."""
        claims = [_claim(text, place) for place in in_text(text, keys, found) if place.accepted]
        return _free(sorted(set(self._without_own(text, claims))), taken)


MAX_KEPT_CHARS = 40


class _Context(NamedTuple):
    """A token that has places for codes, opens a context of one, or is a date."""

    masked: str
    codes: Sequence[Candidate]
    kinds: str
    is_day: bool


_PLAIN = _Context("", (), "", False)


class _TokenMemo(dict[str, str]):
    """Tokens to masked tokens; one that has or opens a context is `_CONTEXT`.

    :param has_shapes: whether no mask distinguishes digits, so that tokens that differ in digits are masked as one.

    Two generations: at `MEMO_TOKENS` tokens the younger one becomes the older, and what was not met since is dropped.
    """

    def __init__(self, masks: Masks, has_shapes: bool) -> None:
        super().__init__()
        self._masks = masks
        self._old: dict[str, str] = {}
        self._contexts: dict[str, _Context] = {}
        self._has_shapes = has_shapes
        self._shapes: BoundedCache[str, _Context] = BoundedCache(MEMO_TOKENS // 4)
        self._across: BoundedCache[tuple[str, int], list[tuple[int, Candidate]]] = BoundedCache(MEMO_TOKENS // 4)
        self._coded: BoundedCache[tuple[str, tuple[Candidate, ...]], str] = BoundedCache(MEMO_TOKENS // 4)

    def __missing__(self, token: str) -> str:
        masked = self._old.get(token)
        if masked is None:
            known = _known(token) if self._has_shapes else None
            if known is not None:
                return known
            context = self._by_shape(token) if self._has_shapes else self._of(token)
            masked = _CONTEXT if context.kinds or context.is_day else context.masked
            if len(token) > MEMO_CHARS:
                return masked
            if masked == _CONTEXT or context.codes:
                self._contexts[token] = context
        if len(self) >= MEMO_TOKENS:
            self._old = dict(self)
            self.clear()
            self._contexts = {each: self._contexts[each] for each in self._old if each in self._contexts}
        self[token] = masked
        return masked

    def context(self, token: str) -> _Context:
        """What a token marked with `_CONTEXT` is."""
        context = self._contexts.get(token)
        if context is None and (token in self or token in self._old or (self._has_shapes and _known(token))):
            return _PLAIN
        return context or (self._by_shape(token) if self._has_shapes else self._of(token))

    def across(self, tokens: Sequence[str], at: int, kinds: str) -> Sequence[tuple[int, Candidate]]:
        """The places for codes in the context that a token opens."""
        kinds = possible(tokens, at, kinds)
        if not kinds:
            return ()
        behind = at + 1 if kinds in _ALONE else at + 1 + MAX_AHEAD
        around = " ".join(tokens[max(0, at - 1) : behind])
        found = self._across.get((around, at))
        if found is None:
            found = across(tokens, at, kinds)
            if len(around) <= MEMO_CHARS:
                self._across.put((around, at), found)
        return found

    def found(self, tokens: Sequence[str]) -> list[tuple[int, Candidate]]:
        """The places for codes in tokens."""
        found: list[tuple[int, Candidate]] = []
        for at in [at for at, each in enumerate(tokens) if each in self._contexts or each not in self]:
            context = self.context(tokens[at])
            found += [(at, each) for each in context.codes]
            found += self.across(tokens, at, context.kinds) if context.kinds else ()
        return found

    def _by_shape(self, token: str) -> _Context:
        """What a token is, by its shape where that decides: if no digit is left of it when it is masked.

        In a shape each digit is 0, and so is each UUID and each hexadecimal run that is masked whichever it is.
        """
        if len(token) > MEMO_CHARS:  # also because a run of thousands of hexadecimal letters takes quadratic time
            return self._of(token)
        shape = zeroed(token)
        known = self._shapes.get(shape)
        if known is None and len(shape) >= _FOLDED_CHARS:
            shape = _HEX_RUN.sub(_HEX_ZERO, _FREE_UUID.sub(_UUID_ZERO, shape))
            known = self._shapes.get(shape)
        if known is None:
            if "0x" in shape or "0X" in shape:
                return self._of(token)
            known = self._of(shape)
            if known.codes or _DIGIT.search(known.masked):
                return self._of(token)
            self._shapes.put(shape, known)
        return known

    def coded(self, token: str, places: tuple[Candidate, ...]) -> str:
        """The masked token, with these places for codes beside its own."""
        masked = self._coded.get((token, places))
        if masked is None:
            masked = self._masks.mask_token(token, merged(in_token(token), places))
            if len(token) <= MEMO_CHARS:
                self._coded.put((token, places), masked)
        return masked

    def _of(self, token: str) -> _Context:
        codes = in_token(token)
        masked = self._masks.mask_token(token, codes)
        return _Context(masked, codes, kinds_opened(token), _DAY_LAST.search(token) is not None)


def _known(token: str) -> str | None:
    """The masked text of a token that is a path, an address or an identifier for sure: most of them come once."""
    if token[0] == "/":
        path = _PATH_ALONE.fullmatch(token)
        return None if path is None else f"<PATH>{path[1]}"
    if "@" in token:
        address = _ADDRESS_ALONE.fullmatch(token)
        opens = address is None or may_open_key(address[1]) or may_open_key(token)
        return None if address is None or opens else f"{address[1]}<ADDRESS>{address[2]}"
    made_up = _MADE_UP.fullmatch(token)
    return None if made_up is None or may_open_key(token) else f"<ID>{made_up[1]}"


def in_text(text: str, keys: Sequence[KeyMatch], found: Sequence[tuple[int, Candidate]]) -> list[Candidate]:
    """The places of a text's tokens, in the text. The tokens are those of the text with `<KEY>` for each key."""
    if not found:
        return []
    shown = _key_text(text, keys)
    starts = [token.start() for token in _TOKEN.finditer(shown)]
    moved = [_moved(each, starts[number]) for number, each in found]
    return [_in_original(each, keys) for each in moved if not _in_keys(each, keys)]


def _moved(place: Candidate, by: int) -> Candidate:
    start, stop, code, code_stop, accepted = place
    return Candidate(start + by, stop + by, code + by, code_stop + by, accepted)


def _in_original(place: Candidate, keys: Sequence[KeyMatch]) -> Candidate:
    """A place in the text with `<KEY>` for each key, as a place in the text itself."""
    by = 0
    for _, _, key, key_stop in keys:
        if key > place.start + by:
            break
        by += key_stop - key - len("<KEY>")
    return _moved(place, by)


def _in_keys(place: Candidate, keys: Sequence[KeyMatch]) -> bool:
    """Whether a place in the text with `<KEY>` for each key overlaps one of them."""
    by = 0
    for _, _, key, key_stop in keys:
        start = key - by
        if start < place.stop and place.start < start + len("<KEY>"):
            return True
        by += key_stop - key - len("<KEY>")
    return False


def _key_text(text: str, keys: Sequence[KeyMatch]) -> str:
    if len(keys) == 1:
        _, _, key, key_stop = keys[0]
        return f"{text[:key]}<KEY>{text[key_stop:]}"
    pieces: list[str] = []
    end = 0
    for _, _, key, key_stop in keys:
        pieces += (text[end:key], "<KEY>")
        end = key_stop
    return "".join([*pieces, text[end:]]) if keys else text


def _stands_apart(text: str, match: KeyMatch) -> bool:
    """Whether no mask matches beside the key in its match, begins in its token before it, or ends in that behind it."""
    first, last, key, stop = match
    if first and not text[first - 1].isspace() and not _STARTS_NOTHING.fullmatch(_last_word(text, first)):
        return False
    behind = _TOKEN.match(text, last)
    if behind is not None and not _HOLDS_NOTHING.fullmatch(behind[0]):
        return False
    if first == key and last == stop:
        return True
    return _UNMASKED.fullmatch(text, first, key) is not None and _UNMASKED.fullmatch(text, stop, last) is not None


def _last_word(text: str, end: int) -> str:
    """The part of a token before a place."""
    start = end
    while start and not text[start - 1].isspace():
        start -= 1
    return text[start:end]


def _found(tokens: Sequence[str]) -> list[tuple[int, Candidate]]:
    """The places for codes in tokens."""
    found = [(at, each) for at, token in enumerate(tokens) for each in in_token(token)]
    for at, token in enumerate(tokens):
        found += across(tokens, at, kinds_opened(token))
    return found


def _runs(days: Sequence[int]) -> Iterator[tuple[int, int]]:
    """The tokens that belong together by a date and a clock: from, to."""
    start = stop = -1
    for at in days:
        if at >= stop:
            if stop > 0:
                yield start, stop
            start = at
        stop = at + 2
    if stop > 0:
        yield start, stop


def _claim(text: str, place: Candidate) -> Claim:
    start, stop = place.start, place.stop
    return start, stop, start, stop, f"{CONSTANT}{text[start:stop]}{_CONSTANT_END}"


def _whole_place(claim: Claim) -> Candidate:
    return Candidate(claim[0], claim[1], claim[0], claim[1], True)


def _free(claims: Sequence[Claim], taken: Sequence[Claim]) -> list[Claim]:
    """The claims, in order, that overlap neither an earlier one nor one that is taken."""
    kept: list[Claim] = []
    for each in claims:
        if kept and each[0] < kept[-1][1]:
            continue
        if not any(start < each[1] and each[0] < stop for start, stop, *_ in taken):
            kept.append(each)
    return kept


def _split_constants(token: str) -> str:
    """A token with marks around its constants, as tokens that begin with `CONSTANT` and others."""
    if CONSTANT not in token:
        return token
    pieces = _CONSTANTS.split(token)
    if len(pieces) == 3 and not _has_words(pieces[0]) and not _has_words(pieces[2]):
        return f"{CONSTANT}{pieces[0]}{pieces[1]}{pieces[2]}"
    return " ".join(_constant_tokens(pieces))


def _constant_tokens(pieces: list[str]) -> Iterator[str]:
    for at in range(1, len(pieces), 2):
        before, core, behind = pieces[at - 1], pieces[at], pieces[at + 1]
        name = (_NAME_BEFORE if core.startswith("<") else _QUOTES_BEFORE).search(before)
        if name is not None:
            before, core = before[: name.start()], name[0] + core
        if _has_words(before):
            yield before
        else:
            core = before + core
        if not _has_words(behind):
            core, pieces[at + 1] = core + behind, ""
        yield CONSTANT + core
    if pieces[-1]:
        yield pieces[-1]


def _has_words(text: str) -> bool:
    return bool(text) and _WORD.search(_PLACEHOLDER.sub("", text)) is not None


def is_local(pattern: str) -> bool:
    """Whether an expression looks at no blank and no edge of a line, so that it matches in a token as in the line."""
    for piece in _PIECES.findall(pattern):
        if piece in _EDGES or piece == "." or piece.isspace() or piece.startswith("(?(") or piece == r"\n":
            return False
        if (piece.startswith("(?") and "x" in piece) or re.fullmatch(r"\\[1-9]", piece):
            return False
        if _is_class(piece) and any(re.fullmatch(piece, blank) for blank in _BLANKS):
            return False
    return True


def _is_class(piece: str) -> bool:
    return piece.startswith("[") or (piece.startswith("\\") and piece not in (r"\b", r"\B"))


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


def _built_in() -> str:
    masks = "|".join(f"(?P<{name}>{pattern})" for name, pattern in BUILT_IN.items())
    return f"{_GUARD}(?:{masks})|(?P<ID>{_ID})"


def _combine(alternatives: Sequence[str]) -> re.Pattern[str]:
    try:
        return re.compile("|".join(alternatives))
    except re.error as error:
        raise SettingError("masks", error.pattern, f"the masks do not stand together: {error.msg}") from error
