"""Blank-separated tokens to masked tokens: each is masked once, those of one form as one.

In the *shape* of a token each digit is 0. In its *form* what comes once is folded as well: a path, an address or a
made-up name is its placeholder, a UUID or a long hexadecimal run zeros, behind `FOLD`. All tokens of most forms have
one masked text: no digit is left, and none decides. Of the others (`EXACT`: a place for a code, a word with digits,
`0x`) each token is masked by itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from fusionlog.parsing.code_contexts import MAX_AHEAD, across, kinds_opened, may_open_key, possible
from fusionlog.parsing.codes import Candidate, in_token, merged
from fusionlog.parsing.mask_patterns import DAY_LAST
from fusionlog.utils.bounded_cache import BoundedCache

MEMO_TOKENS = 20_000
MEMO_CHARS = 200

MARK = "\ue002"
"""Of masked tokens: it is in those below alone."""
CONTEXT, EXACT = MARK, MARK + MARK
"""For a token that has or opens a context, and for one whose digits decide."""

FOLD = "\ue003"
"""The first character of the form of a token that is folded."""

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
_MADE_UP = re.compile(
    r"(?=[A-Za-z]*[0-9][A-Za-z0-9]*[0-9])(?=[A-Za-z0-9]*[G-Zg-z])(?!0[xX])"
    r"(?![0-9]++(?:[eE][0-9]++)?[A-Za-z]{1,3}(?![A-Za-z0-9]))[A-Za-z0-9]{10,}([:,;.)\]]?)"
)
"""A token that is an ID for sure, and comes once: no number with a unit, and not hexadecimal."""
_PATH_ALONE = re.compile(r"(?=/[A-Za-z])(?>(?:/[\w.@%+=~,:$#&?-]*\w)+)([.,;:)\]]?)")
"""A token that is a path for sure; most of the others come once as well."""
_ADDRESS_ALONE = re.compile(r"((?:(?:[a-z]{1,7}[_-])?[a-z]{1,7}=)?<)[a-z0-9_.+]+@[a-z]++(?>(?:\.[a-z]++)*)(>[,;.:)]?)")
"""A token that is an address for sure: no mask takes a word of seven letters, and what stands before the @ goes whole,
whichever masks match in it. A message's id comes once or twice."""


class Context(NamedTuple):
    """A masked token, its places for codes, the kinds of contexts that it opens, and whether it ends with a date."""

    masked: str
    codes: Sequence[Candidate] = ()
    kinds: str = ""
    is_day: bool = False


_EXACT = Context(EXACT)


class TokenMemo:
    """The masked tokens of one system.

    :param mask: masks a token, given its places for codes.
    :param has_shapes: whether no mask distinguishes digits.
    """

    def __init__(self, mask: Callable[[str, Sequence[Candidate]], str], has_shapes: bool) -> None:
        self._mask = mask
        self._exact = _MaskedTokens(self._of)
        self._forms = _MaskedTokens(self._of_form if has_shapes else lambda form: _EXACT)
        self.form: Callable[[str], str] = _Memo(_form if has_shapes else str).__getitem__
        """The shape of a token to its form."""
        self.of_form: Callable[[str], str] = self._forms.__getitem__
        """A form to the masked text of all its tokens, `CONTEXT` or `EXACT`."""
        self.of_exact: Callable[[str], str] = self._exact.__getitem__
        """A token to its masked text, or `CONTEXT`."""
        self._across: BoundedCache[tuple[str, int], list[tuple[int, Candidate]]] = BoundedCache(MEMO_TOKENS // 4)
        self._coded: BoundedCache[tuple[str, tuple[Candidate, ...]], str] = BoundedCache(MEMO_TOKENS // 4)

    def context(self, token: str, form: str) -> Context:
        """What a token that is marked in the memo is."""
        return self._exact.context(token) if self.of_form(form) == EXACT else self._forms.context(form)

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

    @staticmethod
    def folded(tokens: Sequence[str], forms: Sequence[str], at: int, kinds: str) -> list[int]:
        """The folded tokens that the context of a token may depend on."""
        if forms[min(at + 1, len(forms) - 1)][0] != FOLD:
            kinds = possible(tokens, at, kinds)
        behind = at + 1 if kinds in _ALONE else at + 1 + MAX_AHEAD
        return [number for number in range(max(0, at - 1), min(behind, len(forms))) if forms[number][0] == FOLD]

    def found(self, tokens: Sequence[str], forms: Sequence[str]) -> list[tuple[int, Candidate]]:
        """The places for codes in tokens."""
        found: list[tuple[int, Candidate]] = []
        for at in [at for at, masked in enumerate(map(self.of_form, forms)) if MARK in masked]:
            context = self.context(tokens[at], forms[at])
            found += [(at, each) for each in context.codes]
            found += self.across(tokens, at, context.kinds) if context.kinds else ()
        return found

    def coded(self, token: str, places: tuple[Candidate, ...]) -> str:
        """The masked token, with these places for codes beside its own."""
        masked = self._coded.get((token, places))
        if masked is None:
            masked = self._mask(token, merged(in_token(token), places))
            if len(token) <= MEMO_CHARS:
                self._coded.put((token, places), masked)
        return masked

    def _of_form(self, form: str) -> Context:
        """What all tokens of a form are; `_EXACT` where their digits decide."""
        if form[0] == FOLD:
            if form[1] != FOLD:
                return Context(form[1:])
            form = form[2:]
        if len(form) > MEMO_CHARS or "0x" in form or "0X" in form:
            return _EXACT
        found = self._of(form)
        return _EXACT if found.codes or _DIGIT.search(found.masked) else found

    def _of(self, token: str) -> Context:
        codes = in_token(token)
        return Context(self._mask(token, codes), codes, kinds_opened(token), DAY_LAST.search(token) is not None)


class _Memo(dict[str, str]):
    """Tokens, or what stands for them, to what was found for them.

    Two generations: at `MEMO_TOKENS` tokens the younger one becomes the older, and what was not met since is dropped.
    """

    def __init__(self, find: Callable[[str], str]) -> None:
        super().__init__()
        self._find = find
        self._old: dict[str, str] = {}

    def __missing__(self, token: str) -> str:
        found = self._old.get(token) or self._find(token)
        if len(token) <= MEMO_CHARS:
            if len(self) >= MEMO_TOKENS:
                self._old = dict(self)
                self.clear()
            self[token] = found
        return found


class _MaskedTokens(_Memo):
    """Tokens to masked tokens; for one that has or opens a context, `CONTEXT`."""

    def __init__(self, context: Callable[[str], Context]) -> None:
        super().__init__(self._mark)
        self._context = context
        self._contexts: BoundedCache[str, Context] = BoundedCache(MEMO_TOKENS)

    def context(self, token: str) -> Context:
        """What a token is."""
        context = self._contexts.get(token)
        if context is None:
            context = self._context(token)
            if len(token) <= MEMO_CHARS:
                self._contexts.put(token, context)
        return context

    def _mark(self, token: str) -> str:
        context = self._context(token)
        is_marked = context.kinds or context.is_day
        if len(token) <= MEMO_CHARS and (is_marked or context.codes):
            self._contexts.put(token, context)
        return CONTEXT if is_marked else context.masked


def _form(shape: str) -> str:
    """The form of a shape."""
    known = _known(shape)
    if known is not None:
        return FOLD + known
    if not _FOLDED_CHARS <= len(shape) <= MEMO_CHARS or "0x" in shape or "0X" in shape:
        return shape
    folded = _HEX_RUN.sub(_HEX_ZERO, _FREE_UUID.sub(_UUID_ZERO, shape))
    return shape if folded == shape else FOLD + FOLD + folded


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
