"""`evaluate` and the label worker send a teacher the very same units."""

from __future__ import annotations

import random
from collections.abc import Sequence

from fusionlog.embedding.encoder import VectorCache
from fusionlog.errors import TeacherError
from fusionlog.methods.base import MethodContext
from fusionlog.methods.protocol import Fold
from fusionlog.methods.stream import Stream, StreamClock
from fusionlog.methods.target import Target
from fusionlog.online.decisions import BATCH_WINDOWS
from fusionlog.records import Window
from fusionlog.settings import Settings, SystemSettings
from fusionlog.teachers.base import Unit, Verdict
from tests.encoders import WordEncoder
from tests.factories import make_window
from tests.workers.test_label import Bench, ScriptedTeacher

STEPS = ("order opened", "card charged", "card failed", "goods packed", "goods sent", "order closed")


class Listening(ScriptedTeacher):
    def __init__(self) -> None:
        super().__init__()
        self.units: list[Unit] = []

    async def label(self, units: Sequence[Unit]) -> list[Verdict | TeacherError]:
        self.units += units
        return await super().label(units)


def stream_of(number: int) -> list[Window]:
    choice = random.Random(7)
    found = []
    for place in range(number):
        steps = [step for step in STEPS if choice.random() < 0.8] or [STEPS[0]]
        lines = [step for step in steps for _ in range(choice.choice((1, 1, 1, 2, 5)))]
        found.append(make_window(*lines, session=f"s{place}", first_offset=100 * place))
    return found


async def test_the_worker_and_evaluate_ask_the_same_questions() -> None:
    windows, settings, encode = stream_of(7 * BATCH_WINDOWS), Settings(), WordEncoder()
    evaluated, worked = Listening(), Listening()
    fold = Fold("shop", "forward", SystemSettings(), ([], []), [], windows)
    context = MethodContext(settings, [], encode, VectorCache(encode), None, evaluated)  # type: ignore[arg-type]
    await Stream(Target(fold, context), windows, StreamClock(settings.label.units_per_call, 1)).run()
    bench = Bench(worked, settings=settings)
    for start in range(0, len(windows), BATCH_WINDOWS):
        await bench.handle(*windows[start : start + BATCH_WINDOWS])
    assert worked.units == evaluated.units and len(worked.units) > 2 * BATCH_WINDOWS
    last = worked.units[-1]
    assert last.neighbours and last.evidence is not None and last.evidence.sessions_before > BATCH_WINDOWS


async def test_a_restarted_worker_counts_what_was_read_before() -> None:
    windows = stream_of(3 * BATCH_WINDOWS)
    before, after = windows[:-1], windows[-1]

    async def history():  # type: ignore[no-untyped-def]
        for window in before:
            yield window

    running, restarted = Bench(Listening()), Bench(Listening())
    await running.handle(*before)
    await restarted.labelling.count_history(history())
    new = make_window("order opened", "disk failed", first_offset=after.first_offset)
    for bench in (running, restarted):
        await bench.handle(new)
    ours, theirs = (bench.teacher.units[-1].evidence for bench in (running, restarted))  # type: ignore[attr-defined]
    assert ours == theirs and ours.sessions_before == len(before)
