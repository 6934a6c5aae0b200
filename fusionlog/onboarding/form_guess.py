"""The form of a system's lines: a preset, a header of its own, JSON by a preset or by `json_line`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import msgspec

from fusionlog.onboarding.header_guess import guess_header
from fusionlog.onboarding.json_guess import JsonGuess, guess_json
from fusionlog.onboarding.opened import OpenedLine
from fusionlog.parsing.headers import Fields, Header
from fusionlog.parsing.presets import PRESETS
from fusionlog.settings import SystemSettings
from fusionlog.utils.json_format import Tree, tree_of

JSON_SHARE = 0.8
MESSAGE_SHARE = 0.5
WHOLE_SHARE = 0.98
"""Share of lines that are JSON, or have a message, for a preset of JSON to do."""
TRIED_LINES = 1_000
MIN_MATCHED = 0.9
TOLERANCE = 0.02
"""By how much less a preset may match than a header of the sample's own: it knows lines that the sample has not."""
BROAD_PRESETS = ("log4j", "python", "go", "postgres", "syslog3164", "docker", "cri")
"""Presets that take lines of other software, too: they must know as much of the header as its columns show."""
JSON_PRESETS = ("json", "ecs")


class Form(NamedTuple):
    """The settings of a form; the share of lines that have it; whether their time and their program are known."""

    settings: Mapping[str, object]
    matched: float
    time: float = 0.0
    component: float = 0.0
    level: float = 0.0
    reason: str = ""

    @property
    def known(self) -> float:
        """How much of the header is known."""
        return round(self.time + self.component + self.level, 1)


def guess_form(opened: Sequence[OpenedLine]) -> Form:
    """The form that most lines have; without settings where they share none."""
    trees = [tree for line in opened if (tree := tree_of(line.text)) is not None]
    if trees and len(trees) >= JSON_SHARE * len(opened):
        return _json_form(trees, len(trees) / len(opened))
    texts = _some([line.text for line in opened])
    best = _best(list(_presets(texts)))
    header = guess_header(texts)
    own = None if header is None else _measured({"header": header}, texts, 1.0 if "<Time>" in header else 0.0)
    if best is not None and (own is None or _is_as_good(best, own)):
        return best
    return Form({}, 0.0) if own is None else own


def _best(presets: Sequence[Form]) -> Form | None:
    """The preset that matches most lines, and of those that match as many the one that is made for the fewest kinds."""
    most = max((form.matched for form in presets), default=0.0)
    near = [form for form in presets if form.matched >= most - TOLERANCE]
    return max(near, key=lambda form: (not _is_broad(form), form.known), default=None)


def _is_broad(form: Form) -> bool:
    return form.settings["format"] in BROAD_PRESETS


def _is_as_good(preset: Form, own: Form) -> bool:
    if preset.matched < own.matched - TOLERANCE:
        return False
    return not _is_broad(preset) or preset.known >= own.known


def _some(texts: Sequence[str]) -> Sequence[str]:
    return texts[:: max(1, len(texts) // TRIED_LINES)]


def _presets(texts: Sequence[str]) -> Iterator[Form]:
    """The presets that match nearly all lines. Of equal ones the first of `PRESETS` counts."""
    for name in PRESETS:
        if name not in JSON_PRESETS:
            form = _measured({"format": name}, texts)
            if form.matched >= MIN_MATCHED:
                yield form


def _measured(settings: Mapping[str, object], texts: Sequence[str], time: float | None = None) -> Form:
    header = Header(SystemSettings.model_validate(settings))
    found = [header.split(text) for text in texts]
    count = max(len(found), 1)
    matched = sum(fields.matched for fields in found) / count
    timed = sum(_has_time(fields) for fields in found) / count if time is None else time
    component = sum(fields.component is not None for fields in found) / count
    level = sum(fields.level is not None for fields in found) / count
    return Form(settings, matched, timed, component, level, f"{matched:.1%} of the lines match")


def _has_time(fields: Fields) -> bool:
    return fields.matched and (fields.place("time") is not None or fields.value("time") is not None)


def _json_form(trees: Sequence[Tree], share: float) -> Form:
    """JSON by a preset where each line has its message and no error beside it; else by `json_line`."""
    guess = guess_json(trees)
    named = f"the message is {guess.message}" if guess.message else "no field is the message"
    reason = f"{share:.1%} of the lines are JSON, {named}"
    preset = "ecs" if any("log.level" in tree or "ecs.version" in tree for tree in trees) else "json"
    if share >= WHOLE_SHARE and _reads_as(preset, trees, guess):
        return Form({"format": preset}, share, reason=reason)
    settings = {"json_line": guess.json_line} | ({"header": guess.header} if guess.header else {})
    return Form(settings, share if guess.message_share >= MESSAGE_SHARE else min(share, 0.95), reason=reason)


def _reads_as(preset: str, trees: Sequence[Tree], guess: JsonGuess) -> bool:
    """Whether a preset finds the message that the guess finds, and no line has an error that it leaves out."""
    read = PRESETS[preset].read
    if read is None or guess.message is None or guess.error is not None or guess.message_share < WHOLE_SHARE:
        return False
    tried = _some([msgspec.json.encode(tree).decode() for tree in trees])
    return all((found := read(text, None)) is not None and found.content for text in tried)
