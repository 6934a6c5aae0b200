"""The ranking of session keys: a key of sessions before one of hosts, of lines, of nothing."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from fusionlog.onboarding.key_candidates import Candidate, Keys
from fusionlog.onboarding.key_ranking import agreement, code_length, rank, score_key, weight
from tests.onboarding.samples import Step, units

UNITS = units()


def template(step: Step) -> int:
    """The template of a step, as a number."""
    return hash(" ".join(word for word in step.text.split() if word.isalpha()))


TEMPLATES = [template(step) for step in UNITS]


def candidate(keys: Keys, kind: str = "uuid", name: str = "", pattern: str = "x(y)") -> Candidate:
    return Candidate(kind, name, pattern, keys)  # type: ignore[arg-type]


def score(keys: Sequence[str | None]) -> float:
    return score_key(candidate(keys), TEMPLATES, code_length([None] * len(keys), TEMPLATES)).score


def test_the_key_of_sessions_scores_higher_than_any_other() -> None:
    sessions = score([str(step.unit) for step in UNITS])
    assert sessions > 0.3
    assert score(["all"] * len(UNITS)) < 0.01
    assert score([str(number) for number in range(len(UNITS))]) < 0.01
    assert score([f"host-{step.unit % 3}" for step in UNITS]) < 0.01
    assert score([f"{step.unit}-{number % 2}" for number, step in enumerate(UNITS)]) < 0.8 * sessions
    assert score([str(step.unit) if step.unit % 2 else None for step in UNITS]) < 0.6 * sessions


def test_a_key_that_only_one_template_has_does_not_predict_it() -> None:
    keys = [f"peer-{step.unit % 9}" if "received" in step.text else None for step in UNITS]
    assert score(keys) < 0.01


def test_sessions_that_come_one_after_the_other_count_though_the_log_is_predictable_as_it_is() -> None:
    ordered = sorted(UNITS, key=lambda step: (step.unit, step.time))
    templates = [template(step) for step in ordered]
    keys = [str(step.unit) for step in ordered]
    baseline = code_length([None] * len(keys), templates)
    assert score_key(candidate(keys), templates, baseline).score > 0.03


def test_of_keys_that_cut_the_same_sessions_the_safest_expression_is_kept() -> None:
    keys = [str(step.unit) for step in UNITS]
    anywhere = candidate(keys, "hex", pattern="(?<![A-Za-z0-9])([0-9a-f]{16})")
    named = candidate(keys, "hex", "trace", r"trace_id=([0-9a-f]{16})")
    hosts = candidate([f"host-{step.unit % 3}" for step in UNITS])
    assert [each.candidate for each in rank([hosts, anywhere, named], TEMPLATES)] == [named, hosts]


def test_of_a_trace_and_its_only_span_the_trace_is_kept() -> None:
    keys = [str(step.unit) for step in UNITS]
    span, trace = (candidate(keys, "value", name, rf"{name}=(\S+)") for name in ("span_id", "trace_id"))
    assert [each.candidate for each in rank([span, trace], TEMPLATES)] == [trace]


@pytest.mark.parametrize(
    ("higher", "lower"),
    [(("uuid", ""), ("number", "")), (("number", "order"), ("number", "port")),
     (("value", "requestId"), ("value", "x")),
     (("numbered", "txn-"), ("numbered", "exec-")), (("field", "trace_id"), ("field", "pod_name"))],
)  # fmt: skip
def test_forms_and_names_of_units_of_work_weigh_more(higher: tuple[str, str], lower: tuple[str, str]) -> None:
    assert weight(candidate([], *higher)) > weight(candidate([], *lower))


def test_keys_agree_where_they_cut_the_same_sessions_whatever_they_are_called() -> None:
    assert agreement(["a", "b", "a", None], ["1", "2", "1", None]) == 1.0
    assert agreement(["a", "b", "a", "b"], ["1", "1", "1", "1"]) == 0.5
