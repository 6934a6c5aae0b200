"""`evaluate` and the label worker send a teacher the very same units."""

from __future__ import annotations

import dataclasses
import random
from collections import Counter
from collections.abc import Sequence

from msgspec.structs import replace

from fusionlog.embedding.encoder import VectorCache
from fusionlog.errors import TeacherError
from fusionlog.methods.base import MethodContext
from fusionlog.methods.protocol import Fold
from fusionlog.methods.stream import Stream, StreamClock
from fusionlog.methods.target import Target
from fusionlog.novelty.profile import SystemProfile
from fusionlog.online.decisions import BATCH_WINDOWS
from fusionlog.records import Window
from fusionlog.settings import Settings, SystemSettings
from fusionlog.teachers.base import Unit, Verdict
from fusionlog.topics import Topic
from fusionlog.types import RouteKind
from tests.encoders import WordEncoder
from tests.factories import make_window
from tests.methods.test_stream import target_of
from tests.workers.test_label import Bench, ScriptedTeacher
from tests.workers.test_score import Bench as ScoreBench

STEPS = ("order opened", "card charged", "card failed", "goods packed", "goods sent", "order closed")


class Listening(ScriptedTeacher):
    def __init__(self) -> None:
        super().__init__()
        self.units: list[Unit] = []

    async def label(self, units: Sequence[Unit]) -> list[Verdict | TeacherError]:
        self.units += units
        return await super().label(units)


MIXED = ("disk failed", "disk opened", "disk full", "mail queued", "mail lost", "mail opened twice")
KINDS: tuple[RouteKind, ...] = ("general", "proprietary")


def stream_of(number: int, texts: Sequence[str] = STEPS) -> list[Window]:
    choice = random.Random(7)
    found = []
    for place in range(number):
        steps = [step for step in texts if choice.random() < 0.6] or [texts[0]]
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


class Workers:
    """A score worker and a label worker over one knowledge, a batch of windows at a time, as `Stream` runs them."""

    def __init__(self, target: Target, teacher: Listening) -> None:
        self.scoring = ScoreBench(share=0.3)
        self.scoring.knowledge = target.knowledge
        self.labelling = Bench(teacher, settings=target.context.settings)
        self.labelling.knowledge = target.knowledge
        self._read: Counter[str] = Counter()

    def new(self, bench: Bench | ScoreBench, topic: Topic) -> list[Window]:
        """The windows that a worker has sent to a topic since the last look."""
        found = bench.producer.of(topic, Window)
        new = found[self._read[topic.name] :]
        self._read[topic.name] = len(found)
        return new  # type: ignore[return-value]

    async def take(self, windows: Sequence[Window]) -> None:
        topics = self.labelling.settings.topics
        routed = [self.scoring.knowledge.route(window) for window in windows]
        kinds = {kind: [each for each in routed if each.route and each.route.kind == kind] for kind in KINDS}
        await self.scoring.handle(*kinds["general"])
        waiting = [*kinds["proprietary"], *self.new(self.scoring, topics.proprietary)]
        while waiting:
            await self.labelling.handle(*waiting)
            await self.scoring.handle(*self.new(self.labelling, topics.general))
            waiting = self.new(self.scoring, topics.proprietary)


async def test_so_they_do_with_a_release_of_the_system_and_second_opinions() -> None:
    windows = stream_of(9 * BATCH_WINDOWS, MIXED)
    profile = SystemProfile()
    for window in windows[: 3 * BATCH_WINDOWS]:
        profile.update(window)
    targets = [target_of(*windows, share=0.3, max_wait_windows=1, calls=1000) for _ in range(2)]
    for target in targets:
        newer = replace(target.knowledge.release(target.knowledge.version_in_use), created=1e9, version="late")
        target.adopt(replace(newer, profile=profile.pack()))
    evaluated, worked = Listening(), Listening()
    target = targets[0]
    target.context = dataclasses.replace(target.context, teacher=evaluated)
    target.deduplicated.teacher = evaluated
    await Stream(target, windows, StreamClock(target.context.settings.label.units_per_call, 1)).run()
    workers = Workers(targets[1], worked)
    for start in range(0, len(windows), BATCH_WINDOWS):
        await workers.take(windows[start : start + BATCH_WINDOWS])
    assert worked.units == evaluated.units
    assert workers.scoring.asked() and sum(bool(unit.neighbours) for unit in worked.units) > 10
    first, last = (unit.evidence.sessions_before for unit in (worked.units[0], worked.units[-1]) if unit.evidence)
    assert 3 * BATCH_WINDOWS <= first < last


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
