"""The proposal of a system's entry from a sample of its log: form, session key, window, and how sure each is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Literal, NamedTuple

from pydantic import ValidationError

from fusionlog.onboarding.check import check
from fusionlog.onboarding.encoding_guess import FEW_CHARACTERS, EncodingGuess, guess_encoding
from fusionlog.onboarding.equal_ids import with_equal_ids
from fusionlog.onboarding.field_candidates import header_candidates, outer_candidates, pod_candidate
from fusionlog.onboarding.form_guess import Form, guess_form
from fusionlog.onboarding.key_candidates import Candidate, Keys, simplified, text_candidates
from fusionlog.onboarding.key_ranking import Ranked, rank, weight
from fusionlog.onboarding.line_clock import line_times
from fusionlog.onboarding.multiline_guess import guess_multiline
from fusionlog.onboarding.opened import OpenedLine, open_records, read_lines
from fusionlog.onboarding.sample import SampleRecord
from fusionlog.onboarding.time_guess import guess_time
from fusionlog.onboarding.window_guess import guess_idle, guess_max_events
from fusionlog.parsing.parser import Parser
from fusionlog.settings import IngestSettings, SystemSettings
from fusionlog.utils.json_format import JsonFormat, Tree

MAX_RECORDS = 20_000
MAX_BYTES = 16 * 1024 * 1024
"""With these limits a proposal takes less than half a minute of CPU time, whatever the lines."""
FEW_LINES = 200
"""A smaller sample proves little about sessions."""
ENOUGH_LINES = 1_000
MANY_TEMPLATES = 0.1
"""Templates by line, from which on ids are what differs between them."""
COUNT = 20
SHOWN = 5

GOOD_SCORE, SURE_SCORE, DOUBTFUL_SCORE = 0.03, 0.15, 0.02
MIN_COVERAGE = 0.6
MIN_SESSIONS = 3
LIKELY_PRIOR = 0.3
REGULAR_PRIOR, MOST_ALIVE = 0.6, 0.1
INHERIT_SHARE = 0.03
SCATTERED_SHARE = 0.05
SURE_CONTINUED = 0.3
"""Share of lines that continue others; where more do they may be those of another program."""

Confidence = Literal["high", "medium", "low"]


class Part(NamedTuple):
    """A part of the proposal, how sure it is, and why."""

    name: str
    confidence: Confidence
    reason: str


@dataclass
class Proposal:
    """A proposed entry: its settings in the order of the file, its parts, and the first session keys of the ranking."""

    entry: dict[str, object] = field(default_factory=dict)
    parts: list[Part] = field(default_factory=list)
    ranking: list[Ranked] = field(default_factory=list)
    lines: int = 0

    @property
    def sure(self) -> bool:
        """Whether no part is of low confidence."""
        return all(part.confidence != "low" for part in self.parts)

    @property
    def system(self) -> SystemSettings:
        """The entry as settings."""
        return SystemSettings.model_validate(self.entry)

    def add(self, name: str, confidence: Confidence, reason: str, settings: Mapping[str, object] | None = None) -> None:
        """Take a part and its settings."""
        self.entry.update(settings or {})
        self.parts.append(Part(name, confidence, reason))


class _Sample(NamedTuple):
    """The lines as the parser sees them, with their templates as numbers."""

    texts: Sequence[str]
    opened: Sequence[OpenedLine]
    templates: Sequence[int]


def propose(records: Sequence[SampleRecord], ingest: IngestSettings) -> Proposal:
    """The entry for a system with such records. Of more than `MAX_RECORDS`, or `MAX_BYTES`, the first count."""
    records, proposal = _limited(records), Proposal()
    guess = guess_encoding([record.value for record in records if record.value])
    settings = {} if guess.name == "utf-8" else {"encoding": guess.name}
    lines, dead = open_records(records, SystemSettings.model_validate(settings), ingest)
    _add_encoding(proposal, guess, dead, len(lines))
    lines = _add_multiline(proposal, lines, records, ingest)
    proposal.lines = len(lines)
    _add_form(proposal, guess_form(lines), lines)
    _add_time(proposal, lines)
    if lines:
        _add_sessions(proposal, _sample(proposal.system, records, ingest))
        _add_repartition(proposal, records, ingest)
    return proposal


def _limited(records: Sequence[SampleRecord]) -> Sequence[SampleRecord]:
    sizes = accumulate(len(record.value or b"") for record in records[:MAX_RECORDS])
    return records[: max(1, sum(size <= MAX_BYTES for size in sizes))]


def _add_multiline(
    proposal: Proposal, lines: list[OpenedLine], records: Sequence[SampleRecord], ingest: IngestSettings
) -> list[OpenedLine]:
    """Join lines that do not begin as others do to the one before; the lines then."""
    guess = guess_multiline([line.text for line in lines])
    if guess is None:
        return lines
    reason = f"{guess.continued:.1%} of the lines have no date in front, and continue the line before them"
    settings = {"multiline": {"start": guess.start}}
    proposal.add("multiline", "medium" if guess.continued < SURE_CONTINUED else "low", reason, settings)
    return open_records(records, proposal.system, ingest)[0]


def _add_encoding(proposal: Proposal, guess: EncodingGuess, dead: int, lines: int) -> None:
    if guess.name != "utf-8":
        sure = guess.share > 0.9 and guess.characters >= FEW_CHARACTERS
        reason = f"{guess.share:.0%} of {guess.characters} characters are as expected of {guess.name}"
        proposal.add("encoding", "medium" if sure else "low", reason, {"encoding": guess.name})
    if dead:
        share = dead / (dead + lines)
        proposal.add("records", "low" if share > 0.01 else "medium", f"{dead} records hold no usable line")


def _add_form(proposal: Proposal, form: Form, opened: Sequence[OpenedLine]) -> None:
    """Add the settings that turn lines into header and content."""
    envelopes = sum(line.fields is not None for line in opened)
    if envelopes:
        proposal.add("envelope", "high", f"{envelopes} of {len(opened)} lines come in a shipper's envelope")
    if not form.settings:
        proposal.add("header", "medium", "the lines share no time, level or program: a line is all content")
        return
    confidence: Confidence = "high" if form.matched >= 0.98 else "medium" if form.matched >= 0.9 else "low"
    proposal.add("header", confidence, form.reason, form.settings)


def _add_time(proposal: Proposal, opened: Sequence[OpenedLine]) -> None:
    guess = guess_time(proposal.system, opened)
    if guess is not None:
        proposal.add("time", "medium", guess.reason, guess.settings)


def _sample(system: SystemSettings, records: Sequence[SampleRecord], ingest: IngestSettings) -> _Sample:
    """The sample as a worker reads it; its templates by a parser that has seen all lines once.

    Where lines have too many templates, their ids count as equal: they are what differs, and no mask takes them.
    """
    opened = read_lines(records, Parser("sample", system, ingest), system, ingest)
    texts, fields = [line.text for line in opened], [line.fields for line in opened]
    templates, first = _templates(Parser("sample", system, ingest), texts, fields)
    if first > MANY_TEMPLATES * len(texts):
        templates, _ = _templates(Parser("sample", system, ingest), with_equal_ids(texts), fields)
    form = JsonFormat(system.json_line)
    return _Sample([form.text(line.text, line.fields) for line in opened], opened, templates)


def _templates(parser: Parser, texts: Sequence[str], fields: Sequence[Tree | None]) -> tuple[list[int], int]:
    """The template of each line, as a number, by a parser that has seen all lines; and how many there were before."""
    lines, numbers = list(zip(texts, fields, strict=True)), dict[str, int]()
    first = len({parser.parse(text, tree).template for text, tree in lines})
    events = (parser.parse(text, tree) for text, tree in lines)
    return [numbers.setdefault(event.template, len(numbers)) for event in events], first


def _add_sessions(proposal: Proposal, sample: _Sample) -> None:
    named = _named_candidates(proposal.system, sample)
    ranking = rank([*text_candidates(sample.texts), *named], sample.templates)[:SHOWN]
    simple = (each._replace(candidate=simplified(each.candidate, sample.texts)) for each in ranking)
    proposal.ranking = [each for each in simple if _is_accepted(each.candidate)]
    best = proposal.ranking[0] if proposal.ranking else None
    few = len(sample.texts) < FEW_LINES
    pod = pod_candidate(named)
    if best is not None and (_is_good(best) or (few and _looks_good(best))):
        _add_key(proposal, best, proposal.ranking[1] if len(proposal.ranking) > 1 else None)
        _add_inherit(proposal, best.candidate.keys, sample.templates)
        _add_window(proposal, best.candidate.keys, _times(sample), guess_max_events(best.candidate.keys))
    elif pod is not None:
        reason = f"no key of sessions; {len(set(pod.keys))} pods: windows of {COUNT} lines of one"
        proposal.add("session", _capped("medium", proposal.lines), reason, {"session_field": pod.field})
        _add_window(proposal, pod.keys, _times(sample), COUNT)
    else:
        _add_count(proposal, best)


def _is_accepted(candidate: Candidate) -> bool:
    """Whether the settings take an expression: it may be too slow on some lines."""
    try:
        SystemSettings(session=candidate.pattern or None)
    except ValidationError:
        return False
    return True


def _named_candidates(system: SystemSettings, sample: _Sample) -> list[Candidate]:
    fields = [line.fields for line in sample.opened]
    outer = list(outer_candidates(fields))
    known = {each.field for each in outer}
    return [*outer, *(each for each in header_candidates(system, sample.texts, fields) if each.field not in known)]


def _times(sample: _Sample) -> list[float | None]:
    """The times of the lines: those that they begin with, else those of envelopes and of Kafka."""
    own = line_times([line.text for line in sample.opened])
    return [time if time is not None else line.time for time, line in zip(own, sample.opened, strict=True)]


def _is_good(ranked: Ranked) -> bool:
    score = ranked.score
    enough = score.coverage >= MIN_COVERAGE and score.sessions >= MIN_SESSIONS
    return enough and (score.score >= GOOD_SCORE or _is_regular(ranked))


def _is_regular(ranked: Ranked) -> bool:
    """Whether a key is a session's by all but what it saves: sessions that overlap like clockwork are predictable."""
    score = ranked.score
    is_work = score.prior >= REGULAR_PRIOR and weight(ranked.candidate) >= 0.9
    return is_work and score.gain >= 0 and score.alive <= MOST_ALIVE


def _looks_good(ranked: Ranked) -> bool:
    """Whether the form and name of a key are those of a session's, where there are too few lines to measure it."""
    score = ranked.score
    return score.prior >= LIKELY_PRIOR and score.sessions >= 2 and weight(ranked.candidate) >= 0.9


def _add_count(proposal: Proposal, best: Ranked | None) -> None:
    score = best.score.score if best else 0.0
    confidence: Confidence = "high" if score < DOUBTFUL_SCORE / 4 else "medium" if score < DOUBTFUL_SCORE else "low"
    reason = "no token cuts the lines into sessions" if best is None else f"the best session key scores {score:.3f}"
    proposal.add("session", _capped(confidence, proposal.lines), f"{reason}: windows of {COUNT} lines",
                 {"window": {"by": "count", "size": COUNT}})  # fmt: skip


def _add_key(proposal: Proposal, best: Ranked, second: Ranked | None) -> None:
    candidate, score = best
    margin = score.score / max(second.score.score, 1e-9) if second else float("inf")
    sure = score.score >= SURE_SCORE and score.coverage >= 0.9 and margin >= 2
    confidence: Confidence = "high" if sure else "low" if margin < 1.25 or score.coverage < 0.8 else "medium"
    reason = f"{score.coverage:.1%} of the lines have a key, {score.lines_each:.1f} lines a session" + (
        f", {margin:.1f} times the score of the next candidate" if second and margin < 1000 else ""
    )
    setting = {"session_field": candidate.field} if candidate.field else {"session": candidate.pattern}
    proposal.add("session", _capped(confidence, proposal.lines), reason, setting)


def _capped(confidence: Confidence, lines: int) -> Confidence:
    """The confidence that so many lines allow."""
    if lines < FEW_LINES:
        return "low"
    return "medium" if lines < ENOUGH_LINES and confidence == "high" else confidence


def _add_inherit(proposal: Proposal, keys: Keys, templates: Sequence[int]) -> None:
    """Let lines without a key have that of the line before, where they are always written after the same lines."""
    follows: dict[int, dict[int, int]] = {}
    previous = -1
    for key, template in zip(keys, templates, strict=True):
        if key is None and previous >= 0:
            counts = follows.setdefault(template, {})
            counts[previous] = counts.get(previous, 0) + 1
        elif key is not None:
            previous = template
    keyless = sum(key is None for key in keys)
    dependent = sum(max(counts.values()) for counts in follows.values())
    if keyless >= INHERIT_SHARE * len(keys) and dependent >= 0.8 * keyless and "inherit" in SystemSettings.model_fields:
        reason = f"{keyless} lines without a key follow lines of the same kind, whose key they get"
        proposal.add("inherit", "medium", reason, {"inherit": True})


def _add_repartition(proposal: Proposal, records: Sequence[SampleRecord], ingest: IngestSettings) -> None:
    """Let lines go through a keyed topic where the sample's sessions have lines in several partitions at a time."""
    if proposal.system.window.by == "count" or len({record.partition for record in records}) == 1:
        return
    found = check("sample", proposal.system, ingest, records)
    if len(found.scattered) > SCATTERED_SHARE * len(found.keys):
        reason = f"{len(found.scattered)} of {len(found.keys)} sessions have lines in several partitions at a time"
        proposal.add("repartition", "medium", reason, {"repartition": True})


def _add_window(proposal: Proposal, keys: Keys, times: Sequence[float | None], most: int) -> None:
    idle = guess_idle(keys, times)
    reason = "three times the longest gaps within sessions" if idle else "the lines have no times: the default"
    window = {"by": "session", "idle_seconds": idle or 600, "max_events": most}
    proposal.add("window", "high" if idle else "medium", reason, {"window": window})
