"""The telling events of an anomaly: what is left of its window when the values, and the ordinary events, are gone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice

from fusionlog import decision
from fusionlog.incidents.incident import TellingEvent, TellingKind
from fusionlog.novelty.failure_lexicon import reports_failure, words
from fusionlog.records import Anomaly, Evidence

MAX_TELLING = 3
"""Telling events of an anomaly, at most."""

_QUOTED = r"(?:'((?:[^'\\]|\\.)*)'|\"((?:[^\"\\]|\\.)*)\")"
_PLACEHOLDER = re.compile(r"<[^<>]*>")
_CODE = re.compile(r"(?<![\w.])(?:[A-Z]+-?)?\d{3,10}(?![\w.])|(?<![\w.])\d\.\d\.\d+(?![\w.])")
_OTHER_SCRIPT = re.compile(r"[^\W\d_A-Za-z]+")
_UNUSUAL: tuple[tuple[TellingKind, re.Pattern[str]], ...] = (
    ("missing", re.compile(rf"{_QUOTED} is missing:")),
    ("count", re.compile(rf"{_QUOTED} has \d+ lines:")),
    ("end", re.compile(rf"it ends with {_QUOTED}")),
    ("event", re.compile(rf"{_QUOTED} is in \d+ of \d+ windows before")),
)
"""The sentences of `Anomaly.unusual`."""


def telling_events(anomaly: Anomaly) -> list[TellingEvent]:
    """The telling events of an anomaly, the strongest first, `MAX_TELLING` at most; one at least.

    The events that are anomalous by themselves; else what is unusual in the window: a missing step before a count, an
    end, a rare event; else the event before its pause; else its first evidence or event.
    """
    for found in (_anomalous(anomaly), _unusual(anomaly), _paused(anomaly), _first(anomaly)):
        distinct = {each.key: each for each in found}
        if distinct:
            return list(islice(distinct.values(), MAX_TELLING))
    return [_telling("event", anomaly.shape)]


def _anomalous(anomaly: Anomaly) -> Iterator[TellingEvent]:
    def rank(each: Evidence) -> tuple[bool, float]:
        return not reports_failure(each.text), -(each.probability or 0.0)

    strong = [each for each in anomaly.evidence if (each.probability or 0.0) >= decision.THRESHOLD]
    for each in sorted(strong, key=rank):
        yield _telling("event", each.text, each.example)


def _unusual(anomaly: Anomaly) -> Iterator[TellingEvent]:
    for kind, pattern in _UNUSUAL:
        found = [match for match in map(pattern.match, anomaly.unusual) if match]
        if found:
            yield from (_telling(kind, match[1] or match[2] or "") for match in found)
            return


def _paused(anomaly: Anomaly) -> Iterator[TellingEvent]:
    if anomaly.pause is not None and anomaly.pause.event < len(anomaly.events):
        event = anomaly.events[anomaly.pause.event]
        yield _telling("pause", event.text, event.example)


def _first(anomaly: Anomaly) -> Iterator[TellingEvent]:
    found = [_telling("event", each.text, each.example) for each in anomaly.evidence]
    found += [_telling("event", each.text, each.example) for each in anomaly.events]
    failed = [each for each in found if reports_failure(each.text)]
    yield from failed or found[:1]


def _telling(kind: TellingKind, text: str, example: str = "") -> TellingEvent:
    return TellingEvent(key=f"{kind}:{key_words(text)}", kind=kind, text=text, example=example)


def key_words(text: str) -> str:
    """What identifies an event within its system: its words, those in other scripts, and its codes, each with a `#`.

    Two templates of one event may differ in a literal, while `500` and `404` are two events.
    """
    constant = _PLACEHOLDER.sub(" ", text)
    codes = [f"#{code}" for code in _CODE.findall(constant)]
    return " ".join([words(text), *_OTHER_SCRIPT.findall(constant), *codes]).strip() or text
