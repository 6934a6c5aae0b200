"""Candidates: classes of tokens that many lines have, at the places where the same values stand."""

from __future__ import annotations

from fusionlog.onboarding.key_candidates import keys_of, simplified, text_candidates
from tests.onboarding.samples import Step, ids, units

CLOCK = "%Y-%m-%d %H:%M:%S.%3"


def lines_of(form: str) -> list[str]:
    keys = ids("uuid")
    return [step.clock(CLOCK) + " INFO " + form.format(key=keys[step.unit], text=step.text) for step in units()]


def test_a_key_is_found_by_the_word_before_it() -> None:
    lines = lines_of("request {key}: {text}")
    found = {candidate.pattern: candidate for candidate in text_candidates(lines)}
    chosen = found[r"(?<![A-Za-z0-9])request +([0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})(?![A-Za-z0-9])"]
    assert chosen.keys == [line.split()[4].rstrip(":") for line in lines]
    assert simplified(chosen, lines).pattern == "request +([0-9a-fA-F-]{36})"


def test_a_key_that_is_written_in_several_ways_has_an_alternative_for_each() -> None:
    written = lines_of("[instance: {key}] {text}")
    lines = [line.replace("[instance: ", "instance ").replace("]", "") if number % 3 == 0 else line
             for number, line in enumerate(written)]  # fmt: skip
    assert any(None not in candidate.keys and candidate.columns == 0 for candidate in text_candidates(lines))
    assert any("instance: +|" in candidate.pattern for candidate in text_candidates(lines))


def test_a_clock_and_a_counter_are_no_candidates() -> None:
    lines = [f"{1_772_000_000 + number} line {number} of many" for number in range(300)]
    assert text_candidates(lines) == []


def test_what_few_lines_have_is_no_candidate() -> None:
    lines = [step.text for step in units()]
    lines = [f"{line} in job_{number}" if number % 10 == 0 else line for number, line in enumerate(lines)]
    assert not [each for each in text_candidates(lines) if "job" in each.pattern]


def test_the_key_of_a_line_is_group_one_of_the_first_match() -> None:
    assert keys_of(r"job (\d+)", ["job 7 before job 8", "none"]) == ["7", None]


def test_a_step_has_its_clock_in_milliseconds() -> None:
    assert Step(1_772_000_000.25, 0, "").clock("%S.%3") == "20.250"
