"""Ids that differ from line to line count as one."""

from __future__ import annotations

from fusionlog.onboarding.equal_ids import MANY, with_equal_ids


def test_tokens_of_one_form_with_many_values_are_all_the_first_one() -> None:
    lines = [f"08:00:{number:02} order=o{number:05}x step{number % 3} took {number}" for number in range(MANY)]
    assert with_equal_ids(lines) == [
        f"08:00:{number:02} order=o00000x step{number % 3} took {number}" for number in range(MANY)
    ]


def test_a_form_with_few_values_stays_as_it_is() -> None:
    lines = [f"worker-{number} order=a{number}b77 started" for number in range(MANY - 1)]
    assert with_equal_ids(lines) == lines
