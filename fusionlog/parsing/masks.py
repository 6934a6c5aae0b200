"""Masks: variables that a line's form alone shows, replaced by placeholders before Drain3; codes stay.

All masks are one expression, an alternative each. At one place the first alternative wins: the system's own masks, then
the built-in ones in the order below. Session keys and codes (`parsing.codes`) are found before and masked, or kept, by
place: at one place they come before the built-in masks, and a system's own mask comes before a code.

Lines of most systems repeat their blank-separated tokens, so a token is masked once (`token_memo`). Nothing that the
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

from msgspec import Struct

from fusionlog.parsing.code_contexts import across, kinds_opened
from fusionlog.parsing.codes import Candidate, in_token
from fusionlog.parsing.constants import CONSTANT_END, split_constants
from fusionlog.parsing.digits import zeroed
from fusionlog.parsing.key_places import in_text, key_text, stands_apart
from fusionlog.parsing.mask_patterns import BUILT_IN, CLOCK_FIRST, alternative, built_in, combine, is_local, name_of
from fusionlog.parsing.session_keys import KeyMatch
from fusionlog.parsing.token_memo import CONTEXT, EXACT, FOLD, MARK, TokenMemo
from fusionlog.parsing.tokens import CONSTANT

_ADDRESS = re.compile(r"(?:[\w.+-]|<[A-Z]+>)+@(?:[\w-]+|<[A-Z]+>)(?:\.(?:[\w-]+|<[A-Z]+>))*")
"""`user@host`, a message's id, an object's address; looked for in a masked text that has an @ at all."""
_RESERVED = re.compile("[\ue000-\ue003]")
_DIGIT = re.compile("[0-9]")
MAX_KEPT_CHARS = 40

Claim = tuple[int, int, int, int, str]
"""A key or a code in a text: its match from, to; what of it is replaced from, to; by what."""


class MaskedContent(Struct, gc=False):
    """A masked content, and the numbers of the tokens whose own text decides it, beside the forms of all."""

    text: str
    decisive: tuple[int, ...] = ()


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
        named = [(f"masks.{name}", name_of(name), pattern) for name, pattern in extra.items()]
        own = [alternative(f"_{place}", setting, pattern) for place, (setting, _, pattern) in enumerate(named)]
        self._placeholders = {
            f"_{place}": f"{CONSTANT}<{name}>{CONSTANT_END}" for place, (_, name, _) in enumerate(named)
        }
        self._placeholders |= {name: f"<{name}>" for name in (*BUILT_IN, "ID")}
        self._pattern = combine([*own, built_in()])
        self._own = combine(own) if own else None
        self._keep = [re.compile(each) for each in keep]
        wide = [each for each, (_, _, pattern) in zip(own, named, strict=True) if not is_local(pattern)]
        self._wide = [*([combine(wide)] if wide else []), *self._keep]
        self._memo = TokenMemo(self.mask_token, not own)
        self._form, self._of_form = self._memo.form, self._memo.of_form
        self.has_shapes = not own and not self._wide

    def mask(self, text: str, keys: Sequence[KeyMatch] = ()) -> str:
        """The text with a placeholder for each match of a mask; codes are numbers as others are.

        :param keys: the matches of the session's expression in the text, in order.
        """
        masked = self._replaced(text, [(*key, "<KEY>") for key in keys])
        return masked.replace(CONSTANT, "").replace(CONSTANT_END, "")

    def mask_content(self, text: str, keys: Sequence[KeyMatch] = ()) -> str:
        """The masked content of a line, its tokens with single blanks between, its codes kept."""
        text = readable(text)
        is_wide = bool(self._wide) and any(each.search(text) for each in self._wide)
        if is_wide or (keys and not self.stand_apart(text, keys)):
            return self.mask_whole(text, keys)
        shown = key_text(text, keys)
        return self.mask_forms(shown, self.forms(zeroed(shown))).text

    def forms(self, shape: str) -> list[str]:
        """The forms of the tokens of a text, given with each digit as 0 (see `token_memo`)."""
        return [*map(self._form, shape.split())]

    def mask_forms(self, shown: str, forms: list[str]) -> MaskedContent:
        """A masked text, and the tokens whose own text decides it, beside the forms of all.

        :param shown: the text with `<KEY>` for each key, all of which stand apart.
        """
        parts = [*map(self._of_form, forms)]
        masked = " ".join(parts)
        return self._by_token(shown.split(), forms, parts) if MARK in masked else MaskedContent(masked)

    def stand_apart(self, text: str, keys: Sequence[KeyMatch]) -> bool:
        """Whether no mask may reach into the match of a key, or begin behind it."""
        return self._own is None and all([stands_apart(text, key) for key in keys])

    def mask_whole(self, text: str, keys: Sequence[KeyMatch] = ()) -> str:
        """`mask_content` without a memo, and with all that reaches over a blank."""
        found = _found(key_text(text, keys).split())
        claims = [(*key, "<KEY>") for key in keys]
        claims += self._kept(text, claims)
        claims += self._codes(text, keys, found, claims)
        masked = self._replaced(text, sorted(claims))
        return " ".join([split_constants(token) for token in masked.split()])

    def places(self, text: str, keys: Sequence[KeyMatch] = ()) -> list[tuple[int, int]]:
        """The places of the placeholders of masks and keys without those of addresses: from, to."""
        return [(start, end) for start, end, _ in self._spans(text, [(*key, "<KEY>") for key in keys])]

    def code_places(self, text: str, keys: Sequence[KeyMatch], start: int) -> list[tuple[int, int, int, int]]:
        """The places that may have codes in the line whose content begins at `start`: core and code, from, to each."""
        shown = key_text(text, keys)
        found = self._memo.found(shown.split(), self.forms(zeroed(shown)))
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

    def _by_token(self, tokens: list[str], forms: list[str], parts: list[str]) -> MaskedContent:
        """The masked content of tokens of which some have or open a context, or are masked by their digits."""
        decisive = {at for at, part in enumerate(parts) if part == EXACT}
        for at in decisive:
            parts[at] = self._memo.of_exact(tokens[at])
        days: list[int] = []
        codes: dict[int, tuple[Candidate, ...]] = {}
        for at in [at for at, part in enumerate(parts) if part == CONTEXT]:
            context = self._memo.context(tokens[at], forms[at])
            parts[at] = context.masked
            if context.kinds:
                decisive.update(self._memo.folded(tokens, forms, at, context.kinds))
                for number, place in self._memo.across(tokens, at, context.kinds):
                    decisive.add(number)
                    if place.accepted:
                        codes[number] = (*codes.get(number, ()), place)
            if context.is_day and at + 1 < len(tokens) and CLOCK_FIRST.match(tokens[at + 1]):
                days.append(at)
        for number, places in codes.items():
            parts[number] = self._memo.coded(tokens[number], places)
        for start, stop in _runs(days):
            joined = self.mask_whole(" ".join(tokens[start:stop]))
            is_folded = any(form[0] == FOLD for form in forms[start:stop])
            if is_folded or _DIGIT.search(joined) or _found(tokens[start:stop]):
                decisive.update(range(start, stop))
            parts[start:stop] = [joined, *[""] * (stop - start - 1)]
        masked = " ".join([part for part in parts if part] if days else parts)
        return MaskedContent(masked, tuple(sorted(decisive)))

    def mask_token(self, token: str, codes: Sequence[Candidate]) -> str:
        """A token with placeholders, its codes kept; tokens where something else stands around a code."""
        claims = [_claim(token, each) for each in codes if each.accepted]
        if claims and self._own is not None:
            claims = self._without_own(token, claims)
        masked = self._replaced(token, claims)
        return split_constants(masked) if CONSTANT in masked else masked

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


def readable(text: str) -> str:
    """The text without the characters that have a meaning of their own in masked texts."""
    return text if text.isascii() else _RESERVED.sub("\ufffd", text)


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
    return start, stop, start, stop, f"{CONSTANT}{text[start:stop]}{CONSTANT_END}"


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
