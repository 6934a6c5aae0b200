"""The title of an anomaly or an incident: its most telling event in a line of at most `TITLE_CHARS` characters."""

from __future__ import annotations

import re
from collections.abc import Sequence

from fusionlog.novelty.missing_steps import RARE
from fusionlog.novelty.reasons.telling import by_telling
from fusionlog.records import TITLE_CHARS, Evidence

PHRASE_NAME_CHARS = 120
"""Characters of an event's text in a phrase, at most."""
LEAST_NAME_CHARS = 24
"""Characters of the event's text in a title, at least: what stands behind it gives way."""


_BRACKETED = re.compile(r"\[<\w+>\]|\(<\w+>\)")
_LEADING = re.compile(r"^(?:<[^<>]*>|[^\w<\"'/\[(]|_)+(?=.*\w)")


def title_of(evidence: Sequence[Evidence], otherwise: str = "") -> str:
    """The title by the evidence.

    :param otherwise: what the title is made of where there is no evidence: a reason, or the name of a session.

    >>> refused = Evidence(template="t", text="payment <NUM> refused", example="", count=3, probability=0.9)
    >>> title_of([refused])
    'payment <NUM> refused (3 lines)'
    """
    first = next(iter(by_telling(evidence)), None)
    if first is None:
        return cut(otherwise or "anomalous window", TITLE_CHARS)
    if first.absent:
        return _fitted("missing: ", first.text, _behind_absent(first))
    return _fitted("", first.text, _behind(first))


def phrase(evidence: Evidence) -> str:
    """Evidence in words, however long: what is unusual of it, and of a missing step the event that it is usual beside.

    >>> phrase(Evidence(template="t", text="payment accepted", example="", count=0, absent=True, share=0.99,
    ...                 windows=1424, beside="<NUM> items reserved"))
    "missing: payment accepted (in 99 % of 1,424 windows with 'items reserved')"
    """
    name = cut(_name(evidence.text), PHRASE_NAME_CHARS)
    if not evidence.absent:
        return f"{name}{_behind(evidence)[0]}"
    beside = f"with {cut(_name(evidence.beside), PHRASE_NAME_CHARS)!r}" if evidence.beside else "like it"
    usual = f" (in {_percent(evidence.share)} of {evidence.windows:,} windows {beside})" if evidence.share else ""
    return f"missing: {name}{usual}"


def cut(text: str, limit: int) -> str:
    """A text as one line of at most so many characters, cut in the middle: what sets events apart is often last."""
    line = " ".join("".join(each if each.isprintable() else " " for each in text).split())
    if len(line) <= limit:
        return line
    end = (limit - 1) // 3
    return f"{line[: limit - 1 - end].rstrip()}…{line[len(line) - end :].lstrip()}"


def _behind_absent(each: Evidence) -> list[str]:
    if not each.share:
        return [""]
    percent = _percent(each.share)
    return [f" (in {percent} of {each.windows:,} windows like it)", f" (in {percent} of {each.windows:,})"]


def _behind(each: Evidence) -> list[str]:
    """What is unusual of an event of the window, behind its text: in words, and in fewer of them."""
    if each.value:
        return [f": {each.value}"]
    if each.atypical and each.typical is not None and each.count != each.typical:
        return [f": {_lines(each.count)}, usually {each.typical:,}", f" x {each.count:,}, usually {each.typical:,}"]
    if each.share is not None and each.share <= RARE:
        rare = f"in {_percent(each.share)} of {each.windows:,} windows" if each.share else "never before"
        return [f" ({rare})", ""]
    return [f" ({_lines(each.count)})", ""] if each.count > 1 else [""]


def _fitted(before: str, text: str, behind: Sequence[str]) -> str:
    """A title of its parts. What stands behind the text gives way to it, down to its last and shortest form."""
    name = _name(text)
    room = TITLE_CHARS - len(before)
    last = behind[-1] if room - len(behind[-1]) >= min(LEAST_NAME_CHARS, len(name)) else ""
    chosen = next((each for each in behind if len(name) + len(each) <= room), last)
    return cut(f"{before}{cut(name, room - len(chosen))}{chosen}", TITLE_CHARS)


def _name(text: str) -> str:
    """A text without what distinguishes no event: blanks and placeholders before its first word, and in brackets."""
    line = cut(_BRACKETED.sub("", text), len(text))
    return _LEADING.sub("", line)


def _lines(count: int) -> str:
    return f"{count:,} {'line' if count == 1 else 'lines'}"


def _percent(share: float) -> str:
    """A share in per cent, never rounded to none or to all.

    >>> [_percent(share) for share in (0.9996, 0.985, 1.0, 0.0004)]
    ['99.9 %', '98 %', '100 %', 'under 0.1 %']
    """
    per_cent = 100 * share
    if 0 < per_cent < 0.1:
        return "under 0.1 %"
    if 99 < per_cent < 100 or 0 < per_cent < 1:
        return f"{int(10 * per_cent) / 10:g} %"
    return f"{int(per_cent)} %"
