"""How well a session key cuts a sample: coverage, lines a session, steps, locality, and coherence.

Coherence is a code length: the bits that the templates of the lines need, each given the template before it in its
session, against those that they need given the line before it in the log. A key of real sessions makes the
next line predictable; a key that is unique to a line, or the same on all of them, does not. Which lines have a key
is coded too, else a key that only lines of one template have would seem to predict it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from math import log2
from typing import NamedTuple

from fusionlog.onboarding.key_candidates import Candidate, Keys
from fusionlog.onboarding.tokens import START

PRIOR = 2.0
"""Weight of a template's own frequency against what followed its predecessor so far."""

WEIGHTS = {"process": 0.6, "name": 0.95, "address": 0.5, "number": 0.3, "value": 0.6, "field": 0.6}
"""By kind: a bare number or an address names a process or a peer more often than a unit of work. Others: 1."""

_WORK = frozenset((
    "trace", "request", "req", "session", "sess", "sid", "transaction", "txn", "tx", "correlation", "conn",
    "connection", "order", "job", "task", "attempt", "flow", "call", "operation", "op", "message", "msg", "id",
    "uuid", "guid",
))  # fmt: skip
_SOURCE = frozenset((
    "host", "hostname", "node", "pod", "container", "thread", "exec", "worker", "pool", "logger", "level", "user",
    "pid", "tid", "port", "stream", "file", "source", "namespace", "client", "peer", "ip",
))  # fmt: skip
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+")
SAME_SHARE = 0.98
MAX_RANKED = 6
LEAST_SCORE = 0.002
"""A key that could not even score this is not worth coding the templates by."""
SEQUENTIAL_GAIN = 0.1
SEQUENTIAL_BITS = 0.3
"""What a key counts as saving where sessions come one after the other: the line before predicts as well there, give or
take so many bits a line."""
GENERIC = ("uuid", "dotted", "hex", "name", "address")
"""Forms that unrelated tokens have, too: a place makes them safer."""


class KeyScore(NamedTuple):
    """A key's figures, and one to rank by.

    :param coverage: share of the lines that have a key.
    :param lines_each: lines of a session, on average.
    :param single: share of the keyed lines that are alone in their session.
    :param steps: distinct templates of a session of several lines, on average.
    :param alive: share of the sample that a session of several lines spans, on average.
    :param gain: share of the bits that the key saves.
    :param prior: what the other figures and the form would have it score, were it to save all.
    """

    coverage: float
    sessions: int
    lines_each: float
    single: float
    steps: float
    alive: float
    gain: float
    prior: float
    score: float


class Ranked(NamedTuple):
    """A candidate and its score."""

    candidate: Candidate
    score: KeyScore


def rank(candidates: Sequence[Candidate], templates: Sequence[int]) -> list[Ranked]:
    """The candidates, the best first; of several that cut the sample into the same sessions, the safest alone."""
    baseline = code_length([None] * len(templates), templates)
    scored = [Ranked(each, score_key(each, templates, baseline)) for each in candidates]
    groups: list[list[Ranked]] = []
    for each in sorted(scored, key=lambda each: (each.score.score, each.score.prior), reverse=True):
        same = next((group for group in groups if _cuts_the_same(group[0], each)), None)
        if same is not None:
            same.append(each)
        elif len(groups) < MAX_RANKED:
            groups.append([each])
    return [_safest(group) for group in groups]


def _cuts_the_same(one: Ranked, other: Ranked) -> bool:
    return agreement(one.candidate.keys, other.candidate.keys) >= SAME_SHARE


def _safest(group: Sequence[Ranked]) -> Ranked:
    """Of candidates that are nearly as good as the first, the one that least likely finds something else."""
    best = group[0].score
    near = [
        each for each in group
        if each.score.score >= 0.95 * best.score and each.score.prior >= 0.9 * best.prior
        and each.score.coverage >= best.coverage - 0.01
    ]  # fmt: skip
    return max(near, key=_preference)


def score_key(candidate: Candidate, templates: Sequence[int], baseline: float) -> KeyScore:
    """The figures of a candidate over a sample.

    :param templates: the template of each line, as a number.
    :param baseline: `code_length` of the templates without a key.
    """
    keys = candidate.keys
    places: dict[str, list[int]] = {}
    for place, key in enumerate(keys):
        if key is not None:
            places.setdefault(key, []).append(place)
    keyed = sum(map(len, places.values()))
    repeated = [found for found in places.values() if len(found) > 1]
    coverage = keyed / max(len(keys), 1)
    single = 1 - sum(map(len, repeated)) / max(keyed, 1)
    steps = sum(len({templates[place] for place in found}) for found in repeated) / max(len(repeated), 1)
    alive = _alive(repeated, len(keys))
    prior = coverage * (1 - single) * (1 - 1 / max(steps, 1.0)) * weight(candidate)
    bits = code_length(keys, templates) if prior * (1 - alive) >= LEAST_SCORE else baseline
    gain = 1 - bits / baseline if baseline else 0.0
    least = SEQUENTIAL_GAIN if bits <= baseline + SEQUENTIAL_BITS * len(keys) and _is_sequential(keys) else 0.0
    score = max(gain, least) * prior * (1 - alive)
    return KeyScore(coverage, len(places), keyed / max(len(places), 1), single, steps, alive, gain, prior, score)


def weight(candidate: Candidate) -> float:
    """How often a key of this kind and name is that of a session."""
    if is_anywhere(candidate):
        return 0.9 * WEIGHTS.get(candidate.kind, 1.0)
    words = {word.lower() for word in _WORD.findall(candidate.name)}
    if words & _SOURCE:
        return 0.3
    if words & _WORK:
        return 1.0
    return WEIGHTS.get(candidate.kind, 1.0)


def agreement(one: Keys, other: Keys) -> float:
    """The share of lines whose session is the same under both keys, but for some lines."""
    pairs = Counter(zip(one, other, strict=True))
    shares = []
    for side in (0, 1):
        best: dict[str | None, int] = {}
        for pair, count in pairs.items():
            best[pair[side]] = max(best.get(pair[side], 0), count)
        shares.append(sum(best.values()) / max(len(one), 1))
    return min(shares)


def code_length(keys: Keys, templates: Sequence[int]) -> float:
    """Bits that code the templates, line after line, by what followed the template before it so far."""
    frequency = Counter(templates)
    total, keyed = len(templates), any(key is not None for key in keys)
    followed: dict[tuple[bool, int], tuple[list[float], dict[int, int]]] = {}
    presence: dict[int, list[float]] = {}
    last: dict[str, int] = {}
    bits, previous = 0.0, -1
    for key, template in zip(keys, templates, strict=True):
        has = presence.setdefault(previous, [1.0, 1.0])
        bits -= log2(has[key is not None] / (has[0] + has[1])) if keyed else 0.0
        has[key is not None] += 1
        context = (False, previous) if key is None else (True, last.get(key, -1))
        size, counts = followed.setdefault(context, ([0.0], {}))
        count = counts.get(template, 0)
        bits -= log2((count + PRIOR * frequency[template] / total) / (size[0] + PRIOR))
        size[0] += 1
        counts[template] = count + 1
        previous = template
        if key is not None:
            last[key] = template
    return bits


def is_anywhere(candidate: Candidate) -> bool:
    """Whether an expression of a generic form takes any token of that form, wherever it stands first in a line."""
    return candidate.kind in GENERIC and candidate.field is None and candidate.pattern.startswith(START + "(")


def _safety(candidate: Candidate) -> int:
    """From 0 down: a generic form anywhere, and several columns, may find other tokens."""
    if is_anywhere(candidate):
        return -2
    return -candidate.columns if candidate.columns <= 1 else -1 - candidate.columns


def _preference(ranked: Ranked) -> tuple[int, float, bool, bool, int]:
    candidate, score = ranked
    is_span = "span" in candidate.name.lower()
    return _safety(candidate), round(score.coverage, 3), not is_span, not candidate.part, -len(candidate.pattern)


def _is_sequential(keys: Keys) -> bool:
    """Whether sessions hardly ever interleave: then the line before is of the same session without a key, too."""
    keyed = [key for key in keys if key is not None]
    same = sum(before == after for before, after in pairwise(keyed))
    return len(keyed) > 1 and same >= 0.95 * (len(keyed) - len(set(keyed)))


def _alive(sessions: Sequence[Sequence[int]], lines: int) -> float:
    """The share of a sample that a session spans, on average."""
    if not sessions:
        return 1.0
    return sum((found[-1] - found[0]) / lines for found in sessions) / len(sessions)
