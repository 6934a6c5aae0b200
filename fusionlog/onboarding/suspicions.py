"""Suspicions about a system's entry, from what a check found: each with its remedy."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator

from msgspec import Struct

from fusionlog.onboarding.check import Count, Found
from fusionlog.onboarding.form_guess import guess_form
from fusionlog.onboarding.opened import OpenedLine
from fusionlog.parsing.parser import EXAMPLE_CHARS

DROPPED_SHARE = 0.05
"""Lines without a key are dropped by rule in every system by session; more of them than this are a suspicion."""
HEADER_SHARE = 0.9
KNOWN_PARTS = 2
"""A header has two of time, level and program."""
FEW_LINES = 20
"""A smaller sample gives no suspicion that rests on shares."""
ONE_TEMPLATE_SHARE = 0.9
OWN_TEMPLATE_SHARE = 0.5
OWN_SESSION_SHARE = 0.9
SHOWN_CHARS = 160


class Suspicion(Struct, frozen=True):
    """Something in the sample that the entry is not made for: its kind, a sentence with figures, and the way out."""

    kind: str
    text: str
    remedy: str


def suspicions(found: Found) -> list[Suspicion]:
    """Every suspicion about a sample, the graver ones first."""
    return [each for rule in _RULES for each in rule(found)]


def _dead(found: Found) -> Iterator[Suspicion]:
    reasons = Counter(letter.error.reason for letter in found.dead)
    for reason, count in reasons.most_common():
        detail = next(letter.error.detail for letter in found.dead if letter.error.reason == reason)
        yield Suspicion(
            f"dead-letter-{reason}",
            f"{count} of {found.records} records would go to the dead-letter topic ({reason}): {detail}",
            _DEAD_REMEDIES.get(reason, "look at the record, and at the settings that its reason names"),
        )


def _header(found: Found) -> Iterator[Suspicion]:
    if not found.has_header and not found.system.json_line and found.lines >= FEW_LINES:
        form = guess_form([OpenedLine(line, None, None, None, False) for line in found.first_lines])
        if form.known >= KNOWN_PARTS and form.matched >= HEADER_SHARE:
            [(name, value)] = form.settings.items()
            yield Suspicion(
                "no-header",
                f"{form.matched:.0%} of the lines begin with a header, which is parsed as content:"
                f" {found.first_lines[0][:SHOWN_CHARS]!r}",
                f"set  {name}: '{value}'",
            )
    if found.unmatched.lines:
        yield Suspicion(
            "header-unmatched",
            f"{_share(found.unmatched, found.lines)} do not match the header, and are parsed with all they have"
            f" as content, e.g. {_example(found.unmatched)}",
            "correct header (or format, or header_regex); where the line continues the one before, see multiline",
        )


def _keys(found: Found) -> Iterator[Suspicion]:
    if not found.lines:
        return
    missing = found.without_key
    if missing == found.lines and (found.by_session or found.has_key):
        outcome = "so every line would be dropped" if found.by_session else "and windows are cut by count"
        remedy = "cut windows by count" if found.by_session else "leave it out"
        yield Suspicion(
            "no-session-key",
            f"no line of {found.lines} has a session key, {outcome}, e.g. {_example(found.keyless)}",
            f"correct session or session_field, or {remedy}",
        )
    if not found.by_session:
        return
    if missing < found.lines and missing > DROPPED_SHARE * found.lines:
        yield Suspicion(
            "lines-without-key",
            f"{missing} of {found.lines} lines have no session key and would be dropped, e.g."
            f" {_example(found.keyless)}",
            "correct session; where such lines follow from a line with a key, set  inherit: true",
        )
    kept = found.lines - missing
    if kept >= FEW_LINES and len(found.keys) == 1:
        yield Suspicion(
            "one-session", f"all {kept} lines with a key have the same one, {next(iter(found.keys))!r}",
            "choose a key that distinguishes requests, or cut windows by count",
        )  # fmt: skip
    if kept >= FEW_LINES and len(found.keys) > OWN_SESSION_SHARE * kept:
        yield Suspicion(
            "session-of-one-line", f"{kept} lines with a key have {len(found.keys)} different ones",
            "choose a key that the lines of one request share",
        )  # fmt: skip


def _scattered(found: Found) -> Iterator[Suspicion]:
    if found.scattered and found.by_session:
        yield Suspicion(
            "session-scattered",
            f"{len(found.scattered)} of {len(found.keys)} sessions have lines in several partitions at a time, e.g."
            f" {found.scattered[0]!r}: each partition makes a session of its own part",
            "let the shipper key its records by the session or the host, or set  repartition: true , by which they go"
            " through a topic that is keyed by session first",
        )


def _times(found: Found) -> Iterator[Suspicion]:
    if found.implausible.lines:
        yield Suspicion(
            "implausible-time",
            f"{found.implausible.lines} of {found.pieces} lines have a time field that cannot be their time, e.g."
            f" {_example(found.implausible)}",
            "name the field that is the time with  time_field , or none with  time_field: none",
        )


def _fields(found: Found) -> Iterator[Suspicion]:
    for name in found.absent_fields:
        yield Suspicion(
            "json-line-field", f"json_line names {{{name}}}, and no line has such a field",
            "correct its name: a path into nested objects has dots",
        )  # fmt: skip
    if found.json_lines.lines and not (found.system.json_line or found.system.format):
        yield Suspicion(
            "json-as-text",
            f"{_share(found.json_lines, found.pieces)} are JSON, parsed as text: {_example(found.json_lines)}",
            "name the fields that make the line with json_line, or set  format: json",
        )


def _templates(found: Found) -> Iterator[Suspicion]:
    templates = found.lines_by_template()
    if found.lines < FEW_LINES or not templates:
        return
    _, text, lines = templates[0]
    if len(templates) > 1 and lines > ONE_TEMPLATE_SHARE * found.lines:
        yield Suspicion(
            "one-template", f"{lines} of {found.lines} lines are of one template: {text[:SHOWN_CHARS]}",
            "if statements that differ have become one, the header or a mask takes what distinguishes them",
        )  # fmt: skip
    if len(templates) > OWN_TEMPLATE_SHARE * found.lines:
        yield Suspicion(
            "template-explosion",
            f"{found.lines} lines have {len(templates)} templates, e.g. {templates[-1][1][:SHOWN_CHARS]}",
            "give the header, and masks for what varies in the text",
        )  # fmt: skip


def _share(count: Count, lines: int) -> str:
    return f"{count.lines} of {lines} lines"


def _example(count: Count) -> str:
    line = count.examples[0][:EXAMPLE_CHARS]
    return repr(line if len(line) <= SHOWN_CHARS else f"{line[:SHOWN_CHARS]}...")


_RULES: tuple[Callable[[Found], Iterator[Suspicion]], ...] = (
    _dead, _header, _keys, _scattered, _times, _fields, _templates,
)  # fmt: skip

_DEAD_REMEDIES = {
    "not-text": "name the encoding of the system with  encoding , or the format that the shipper must write",
    "too-long": "raise FUSIONLOG_INGEST__MAX_LINE_BYTES, or let the shipper cut the line",
    "empty": "let the shipper leave out records without a line",
}
