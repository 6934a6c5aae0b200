"""The telling events of an anomaly: what is left of its window when the values, and the ordinary events, are gone."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import islice
from types import MappingProxyType

from msgspec.structs import replace

from fusionlog.novelty.failure_lexicon import reports_failure, words
from fusionlog.novelty.reasons.telling import by_telling, is_telling, rank
from fusionlog.records import Anomaly, Evidence, TellingEvent, TellingKind, WindowEvent

MAX_TELLING = 3
"""Telling events of an anomaly, at most."""
MAX_CHARS = 300
"""Characters of a text of an incident's record, at most."""

_KINDS: Mapping[int, int] = MappingProxyType({0: 0, 2: 0, 1: 1, 3: 2, 4: 3, 5: 4})
"""The kind of evidence by its rank: what is anomalous by itself, whether it reports a failure or not; a missing step;
an unusual number of lines or value; a rare event; another failure. Weaker kinds follow from the strongest one, and
differ from window to window."""

_PLACEHOLDER = re.compile(r"<[^<>]*>")
_CODE = re.compile(r"(?<![\w.])(?:[A-Z]+-?)?\d{3,10}(?![\w.])|(?<![\w.])\d\.\d\.\d+(?![\w.])")
_OTHER_SCRIPT = re.compile(r"[^\W\d_A-Za-z]+")
_END = re.compile(r"it ends with (?:'((?:[^'\\]|\\.)*)'|\"((?:[^\"\\]|\\.)*)\")")
"""The sentence of `Anomaly.unusual` on the last event: evidence has no such thing."""


def telling_events(anomaly: Anomaly) -> list[TellingEvent]:
    """The telling events of an anomaly, the strongest first, `MAX_TELLING` at most; one at least.

    What of the strongest kind distinguishes its evidence (`novelty.reasons.telling`); else the event that its window
    unusually ends with; else the event before its pause; else an event that reports a failure, or its first one.
    """
    for found in (_distinguished(anomaly), _ended(anomaly), _paused(anomaly), _first(anomaly)):
        distinct = {each.key: each for each in found}
        if distinct:
            return list(islice(distinct.values(), MAX_TELLING))
    return [_telling("event", Evidence(template=anomaly.shape, text=anomaly.shape, example="", count=1))]


def _distinguished(anomaly: Anomaly) -> Iterator[TellingEvent]:
    """The evidence of the strongest kind that there is."""
    found = [(_KINDS[rank(each)], each) for each in by_telling(anomaly.evidence) if is_telling(each)]
    strongest = min((kind for kind, _ in found), default=0)
    yield from (_telling("missing" if each.absent else "event", each) for kind, each in found if kind == strongest)


def _ended(anomaly: Anomaly) -> Iterator[TellingEvent]:
    for match in filter(None, map(_END.match, anomaly.unusual)):
        text = match[1] or match[2] or ""
        yield _telling("end", Evidence(template="", text=text, example="", count=1))


def _paused(anomaly: Anomaly) -> Iterator[TellingEvent]:
    if anomaly.pause is not None and anomaly.pause.event < len(anomaly.events):
        yield _telling("pause", _evidence_of(anomaly.events[anomaly.pause.event]))


def _first(anomaly: Anomaly) -> Iterator[TellingEvent]:
    found = [_telling("event", each) for each in (*anomaly.evidence, *map(_evidence_of, anomaly.events))]
    failed = [each for each in found if reports_failure(each.evidence.text)]
    yield from failed or found[:1]


def _evidence_of(event: WindowEvent) -> Evidence:
    return Evidence(template=event.template, text=event.text, example=event.example, count=event.count)


def _telling(kind: TellingKind, evidence: Evidence) -> TellingEvent:
    shown = replace(
        evidence, text=_cut(evidence.text), example=_cut(evidence.example), beside=_cut(evidence.beside),
        value=_cut(evidence.value),
    )  # fmt: skip
    return TellingEvent(key=f"{kind}:{key_words(evidence.text)}"[:MAX_CHARS], kind=kind, evidence=shown)


def _cut(text: str) -> str:
    return text if len(text) <= MAX_CHARS else f"{text[: MAX_CHARS - 1]}…"


def key_words(text: str) -> str:
    """What identifies an event within its system: its words, those in other scripts, and its codes, each with a `#`.

    Two templates of one event may differ in a literal, while `500` and `404` are two events.
    """
    constant = _PLACEHOLDER.sub(" ", text)
    codes = [f"#{code}" for code in _CODE.findall(constant)]
    return " ".join([words(text), *_OTHER_SCRIPT.findall(constant), *codes]).strip() or text
