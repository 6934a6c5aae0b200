from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from fusionlog.novelty.failure_lexicon import words
from fusionlog.records import BankEvent, template_id
from fusionlog.teachers.base import Unit, Verdict
from fusionlog.teachers.offline.teacher import OfflineTeacher
from fusionlog.types import FloatArray
from tests.teachers.factories import make_unit

VOCABULARY = ("disk", "volume", "mount", "request", "peer", "cache")


def encode(texts: Sequence[str]) -> FloatArray:
    """Counts of a few words; `drive` means `disk`. It does not see polarity, as real encoders do not."""
    rows = [[text.replace("drive", "disk").split().count(word) for word in VOCABULARY] for text in texts]
    vectors = np.array(rows, dtype=np.float32).reshape(len(texts), len(VOCABULARY))
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.divide(vectors, norms, out=np.zeros_like(vectors), where=norms > 0)


def known(text: str, probability: float, system: str = "source") -> BankEvent:
    return BankEvent(system=system, template=template_id(text), text=text, probability=probability)


async def judge(unit: Unit, *bank: BankEvent) -> Verdict:
    (verdict,) = await OfflineTeacher(bank, encode).label([unit])
    assert isinstance(verdict, Verdict)
    return verdict


async def test_a_known_anomaly_is_carried_over_by_meaning_and_named() -> None:
    verdict = await judge(make_unit("drive full"), known("disk is running over", 0.95))
    assert verdict.probability > 0.9
    assert "source" in verdict.reason and "disk is running over" in verdict.reason


async def test_a_known_anomaly_is_carried_over_by_words_where_vectors_see_nothing() -> None:
    verdict = await judge(make_unit("quorum of voters is gone 17"), known("quorum of voters is gone <NUM>", 0.9))
    assert verdict.probability == pytest.approx(0.9, abs=1e-3)


async def test_a_known_normal_event_of_failure_is_carried_over_too() -> None:
    assert (await judge(make_unit("request to peer failed"), known("request to peer failed", 0.05))).probability < 0.1


@pytest.mark.parametrize(
    ("text", "bank"),
    [
        ("mount of volume succeeded", "mount of volume failed"),
        ("able to mount volume", "unable to mount volume"),
        ("mount volume with no error", "mount volume with error"),
        ("volume is up", "volume is down"),
        ("volume found", "volume lost"),
        ("volume cache started", "volume cache stopped"),
    ],
)
async def test_polarity_keeps_a_near_anomaly_from_its_opposite(text: str, bank: str) -> None:
    assert float((encode([words(text)]) @ encode([words(bank)]).T)[0, 0]) >= 0.9, "near by its vector"
    assert (await judge(make_unit(text), known(bank, 0.95))).probability < 0.5


async def test_the_nearest_neighbour_that_is_not_opposed_speaks() -> None:
    bank = [known("volume mount succeeded", 0.02), known("volume mount failed", 0.98)]
    assert (await judge(make_unit("mount volume failed"), *bank)).probability > 0.9


async def test_unknown_events_fall_back_on_words_of_failure_with_low_confidence() -> None:
    bank = [known("request served", 0.01)]
    bad = await judge(make_unit("kernel panic, not syncing"), *bank)
    good = await judge(make_unit("checkpoint written"), *bank)
    assert good.probability < 0.5 < bad.probability
    assert bad.confidence < 0.7


async def test_a_window_is_as_suspicious_as_its_worst_event() -> None:
    verdict = await judge(make_unit("checkpoint written", "disk crashed", first_id=3))
    assert [event.id for event in verdict.events] == [3, 4]
    assert verdict.probability == verdict.events[1].probability > verdict.events[0].probability
    assert verdict.reason == verdict.events[1].reason


async def test_what_stands_in_most_windows_is_routine_and_a_rare_failure_is_not() -> None:
    teacher = OfflineTeacher([], encode)
    units = [make_unit("exception while serving", f"step {'i' * n}") for n in range(1, 12)]
    units.append(make_unit("exception while serving", "disk crashed"))
    *usual, rare = await teacher.label(units)
    assert all(isinstance(verdict, Verdict) and verdict.probability < 0.5 for verdict in usual)
    assert isinstance(rare, Verdict) and rare.probability > 0.5
    (other,) = await teacher.label([make_unit("exception while serving", system="bank")])
    assert isinstance(other, Verdict) and other.probability > 0.5, "usual in one system is not usual in another"


async def test_without_sources_it_still_speaks() -> None:
    assert (await judge(make_unit("4711"))).probability < 0.5
    assert OfflineTeacher([], encode).name == "offline"
