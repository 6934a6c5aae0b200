from __future__ import annotations

from collections.abc import Sequence

import pytest
from msgspec.structs import replace

from fusionlog import releases
from fusionlog.embedding.encoder import VectorCache
from fusionlog.errors import TeacherError
from fusionlog.methods.base import MethodContext
from fusionlog.methods.protocol import Fold
from fusionlog.methods.stream import Stream, StreamClock, Verdicts
from fusionlog.methods.target import Target
from fusionlog.records import Window
from fusionlog.settings import EvaluateSettings, LabelSettings, SecondOpinionSettings, Settings, SystemSettings
from fusionlog.teachers.base import EventVerdict, Unit, Verdict
from tests.detector.graphs import make_onnx
from tests.encoders import WordEncoder
from tests.factories import make_label, make_release, make_window

WORDS = ("failed", "opened", "full")
"""The tests' model takes a vector's first component, this first word, as the event's probability."""
BANK = (("disk failed", 1.0), ("disk opened", 0.0))


class Turning:
    """A teacher that says the opposite of the tests' model."""

    name = "turning"

    def __init__(self) -> None:
        self.calls: list[int] = []
        self.speechless = False

    async def label(self, units: Sequence[Unit]) -> list[Verdict | TeacherError]:
        self.calls.append(len(units))
        return [TeacherError("?") if self.speechless else self._verdict(unit) for unit in units]

    async def close(self) -> None: ...

    def _verdict(self, unit: Unit) -> Verdict:
        fine = any("failed" in event.text for event in unit.events)
        events = tuple(EventVerdict(event.id, 0.1 if fine else 0.9) for event in unit.events)
        return Verdict(0.1 if fine else 0.9, 0.9, "", events)


def target_of(
    *windows: Window, calls: int = 15, max_wait_windows: int = 200, units_per_call: int = 20, share: float = 0.1
) -> Target:
    encode = WordEncoder(*WORDS)
    fold = Fold("shop", "forward", SystemSettings(), ([], [window.session for window in windows]), [], list(windows))
    settings = Settings(
        second_opinion=SecondOpinionSettings(share=share), label=LabelSettings(units_per_call=units_per_call),
        evaluate=EvaluateSettings(calls=calls, max_wait_windows=max_wait_windows),
    )  # fmt: skip
    context = MethodContext(settings, [], encode, VectorCache(encode), None, Turning())  # type: ignore[arg-type]
    target = Target(fold, context, calls=calls)
    vectors = releases.pack_vectors(encode([text for text, _ in BANK]))
    target.adopt(make_release(*BANK, onnx=make_onnx(1.0), vectors=vectors))
    return target


async def run(target: Target) -> Verdicts:
    """The verdicts on the test half."""
    settings = target.context.settings
    clock = StreamClock(settings.label.units_per_call, settings.evaluate.max_wait_windows)
    return await Stream(target, target.fold.test, clock).run()


def sessions(number: int, *texts: str) -> list[Window]:
    return [make_window(*texts, session=f"{texts[0]} {place}", first_offset=10 * place) for place in range(number)]


async def test_without_second_opinions_and_strangers_the_model_has_the_last_word() -> None:
    windows = [*sessions(3, "disk failed"), *sessions(3, "disk opened")]
    target = target_of(*windows, share=0.0)
    verdicts = await run(target)
    assert verdicts.anomalous == [True] * 3 + [False] * 3 and not any(verdicts.proprietary)
    assert target.deduplicated.cost.units == 0


async def test_strange_windows_wait_for_the_teacher_and_one_of_them_is_asked_about() -> None:
    windows = sessions(20, "disk full")
    target = target_of(*windows, share=0.0)
    verdicts = await run(target)
    assert all(verdicts.anomalous) and all(verdicts.proprietary)
    assert target.context.teacher.calls == [1]  # type: ignore[union-attr]


async def test_a_referred_shape_gets_the_teachers_verdict_on_all_that_wait() -> None:
    windows = sessions(60, "disk failed")
    target = target_of(*windows, share=0.1)
    verdicts = await run(target)
    assert not any(verdicts.anomalous) and target.deduplicated.cost.units == 1


async def test_when_the_calls_are_spent_the_model_has_the_last_word() -> None:
    windows = [*sessions(40, "disk failed"), *sessions(40, "disk full"), *sessions(40, "disk failed badly")]
    target = target_of(*windows, calls=1, max_wait_windows=20, share=0.0)
    verdicts = await run(target)
    assert target.deduplicated.cost.units == 1 and all(verdicts.anomalous)
    assert [place for place, asked in enumerate(verdicts.proprietary) if asked] == list(range(40, 60))


async def test_no_more_calls_than_allowed_are_made() -> None:
    windows = [make_window(*[f"failed {each}" for each in range(place)], session=str(place)) for place in range(1, 80)]
    target = target_of(*windows, calls=2, max_wait_windows=1, share=0.9, units_per_call=1)
    await run(target)
    assert target.spent == 2


async def test_what_the_teacher_cannot_judge_keeps_the_models_verdict() -> None:
    windows = sessions(20, "disk full")
    target = target_of(*windows, share=0.0)
    target.context.teacher.speechless = True  # type: ignore[union-attr]
    verdicts = await run(target)
    assert not any(verdicts.proprietary)


async def test_what_becomes_general_while_it_waits_is_scored_and_not_asked_about() -> None:
    both = [make_window("disk full", "disk failed", session=f"both {place}") for place in range(3)]
    windows = [*both, *sessions(3, "disk full")]
    target = target_of(*windows, share=0.0, units_per_call=1)
    verdicts = await run(target)
    assert target.deduplicated.cost.units == 1 and verdicts.proprietary == [True] * 3 + [False] * 3


async def test_a_shape_that_is_labelled_does_not_wait() -> None:
    windows = sessions(20, "disk full")
    target = target_of(*windows, share=0.0)
    target.knowledge.learn(replace(make_label(windows[0]), propagated_from="x"))
    verdicts = await run(target)
    assert all(verdicts.anomalous) and all(verdicts.proprietary) and target.deduplicated.cost.units == 0


async def test_without_a_model_and_an_answer_nothing_is_called_anomalous() -> None:
    windows = sessions(20, "disk full")
    target = Target(target_of(*windows).fold, target_of(*windows).context, "llm-only")
    target.context.teacher.speechless = True  # type: ignore[union-attr]
    verdicts = await Stream(target, windows, StreamClock(20, linger=None)).run()
    assert not any(verdicts.anomalous) and not any(verdicts.proprietary)


@pytest.mark.parametrize(
    ("linger", "shapes", "waited", "due"),
    [(200, 20, 1, True), (200, 1, 200, True), (200, 19, 199, False), (0, 1, 0, True), (None, 900, 900, False)],
)
def test_a_call_is_due_when_it_is_full_or_a_window_waited(
    linger: int | None, shapes: int, waited: int, due: bool
) -> None:
    assert StreamClock(20, linger).due(shapes, waited) == due
