from __future__ import annotations

from collections.abc import Sequence

import pytest

from fusionlog import releases
from fusionlog.embedding import VectorCache
from fusionlog.evaluation import adapting
from fusionlog.evaluation.adapting import CALLS, LINGER_WINDOWS, RESERVE, Online, Target
from fusionlog.evaluation.bench import Bench
from fusionlog.evaluation.protocol import Fold
from fusionlog.labeling.teacher import EventVerdict, Unit, Verdict
from fusionlog.records import Window
from fusionlog.settings import Settings, SystemSettings
from tests.detector.graphs import make_onnx
from tests.encoders import WordEncoder
from tests.factories import make_release, make_window

WORDS = ("failed", "opened", "full")
"""The tests' model takes a vector's first component, this first word, as the event's probability."""
BANK = (("disk failed", 1.0), ("disk opened", 0.0))


class Turning:
    """A teacher that says the opposite of the tests' model."""

    name = "turning"

    def __init__(self) -> None:
        self.calls: list[int] = []

    async def label(self, units: Sequence[Unit]) -> list[Verdict]:
        self.calls.append(len(units))
        return [self._verdict(unit) for unit in units]

    async def close(self) -> None: ...

    def _verdict(self, unit: Unit) -> Verdict:
        fine = any("failed" in event.text for event in unit.events)
        events = tuple(EventVerdict(event.id, 0.1 if fine else 0.9) for event in unit.events)
        return Verdict(0.1 if fine else 0.9, 0.9, "", events)


def target_of(*windows: Window, calls: int = CALLS, **doubt: float) -> Target:
    encode = WordEncoder(*WORDS)
    fold = Fold("shop", "forward", SystemSettings(), ([], [window.session for window in windows]), [], list(windows))
    bench = Bench(Settings(doubt=doubt), [], encode, VectorCache(encode), None, Turning())  # type: ignore[arg-type]
    target = Target(fold, bench, calls)
    vectors = releases.pack_vectors(encode([text for text, _ in BANK]))
    target.adopt(make_release(*BANK, onnx=make_onnx(1.0), vectors=vectors))
    return target


def sessions(number: int, *texts: str) -> list[Window]:
    return [make_window(*texts, session=f"{texts[0]} {place}", first_offset=10 * place) for place in range(number)]


async def test_without_doubt_and_strangers_the_model_has_the_last_word() -> None:
    windows = [*sessions(3, "disk failed"), *sessions(3, "disk opened")]
    target = target_of(*windows, share=0.0)
    verdicts = await Online(target, windows).run()
    assert verdicts.anomalous == [True] * 3 + [False] * 3 and not any(verdicts.proprietary)
    assert target.asking.units == 0


async def test_strange_windows_wait_for_the_teacher_and_one_of_them_is_asked_about() -> None:
    windows = sessions(20, "disk full")
    target = target_of(*windows, share=0.0)
    verdicts = await Online(target, windows).run()
    assert all(verdicts.anomalous) and all(verdicts.proprietary)
    assert target.bench.teacher.calls == [1]  # type: ignore[union-attr]


async def test_a_doubted_shape_gets_the_teachers_verdict_on_all_that_wait() -> None:
    windows = sessions(60, "disk failed")
    target = target_of(*windows, share=0.1)
    verdicts = await Online(target, windows).run()
    assert not any(verdicts.anomalous) and target.asking.units == 1


@pytest.mark.parametrize("number", [10, 4 * LINGER_WINDOWS], ids=["the stream ends", "others go before"])
async def test_what_is_never_asked_about_keeps_the_models_verdict(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Online, "_due", lambda self, now: False)
    windows = sessions(number, "disk failed")
    verdicts = await Online(target_of(*windows, share=0.1), windows).run()
    assert all(verdicts.anomalous) and not any(verdicts.proprietary)


async def test_doubts_leave_the_last_calls_alone() -> None:
    windows = sessions(60, "disk failed")
    target = target_of(*windows, calls=RESERVE, share=0.1)
    verdicts = await Online(target, windows).run()
    assert all(verdicts.anomalous) and target.asking.units == 0


async def test_no_more_calls_than_allowed_are_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adapting, "LINGER_WINDOWS", 1)
    windows = [make_window(f"full {'x' * place}", session=str(place)) for place in range(80)]
    target = target_of(*windows, calls=2, share=0.0)
    await Online(target, windows).run()
    assert target.spent <= 2
