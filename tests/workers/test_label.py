"""The label worker's logic: each shape is asked once, nothing is lost while the teacher is away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import pytest
from aiokafka.errors import KafkaTimeoutError
from structlog.testing import capture_logs

from fusionlog import releases
from fusionlog.errors import BrokerError, TeacherError
from fusionlog.observability import metrics
from fusionlog.online.knowledge import Knowledge
from fusionlog.records import Anomaly, PseudoLabel, Route, Window
from fusionlog.rules import DEFAULT_METHOD, RULES, MethodName
from fusionlog.settings import AlphaSettings, LabelSettings, Settings
from fusionlog.teachers.base import EventVerdict, Unit, Verdict
from fusionlog.teachers.offline.teacher import OfflineTeacher
from fusionlog.workers.label import LabelWorker
from tests.encoders import WordEncoder
from tests.factories import make_anomaly, make_feedback, make_label, make_release, make_window
from tests.workers.memory import MemoryProducer, Message, message_of


class ScriptedTeacher:
    """Anomalous is what speaks of a failure. `errors` are given first, one list a call."""

    name = "scripted"

    def __init__(self, *errors: TeacherError | None) -> None:
        self.errors, self.asked = list(errors), []

    async def label(self, units: Sequence[Unit]) -> list[Verdict | TeacherError]:
        self.asked.append([unit.events[0].text for unit in units])
        error = self.errors.pop(0) if self.errors else None
        return [error or self._verdict(unit) for unit in units]

    async def close(self) -> None: ...

    def _verdict(self, unit: Unit) -> Verdict:
        bad = any("failed" in event.text for event in unit.events)
        events = tuple(EventVerdict(event.id, 0.9 if "failed" in event.text else 0.1) for event in unit.events)
        return Verdict(0.9 if bad else 0.1, 0.9, "it failed" if bad else "routine", events)


class Bench:
    def __init__(
        self, teacher: ScriptedTeacher, method: MethodName = DEFAULT_METHOD, settings: Settings | None = None,
        **producer: Any,
    ) -> None:  # fmt: skip
        self.settings = settings or Settings()
        self.producer, self.teacher = MemoryProducer(**producer), teacher
        self.knowledge, self.slept = Knowledge("shop", WordEncoder(), rules=RULES[method]), []
        self.labelling = LabelWorker(self.settings, self.producer, self, teacher, self.sleep)  # type: ignore[arg-type]
        self._offset = 0

    def of(self, system: str) -> Knowledge:
        """As `KnowledgeTables` does."""
        assert system == "shop"
        return self.knowledge

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    async def handle(self, *windows: Window) -> None:
        start, self._offset = self._offset, self._offset + len(windows)
        await self.labelling.handle([message_of(window, number) for number, window in enumerate(windows, start)])

    def labels(self) -> list[PseudoLabel]:
        return self.producer.of(self.settings.topics.labels, PseudoLabel)  # type: ignore[return-value]

    def anomalies(self) -> list[Anomaly]:
        return self.producer.of(self.settings.topics.anomalies, Anomaly)  # type: ignore[return-value]


def windows_of(text: str, count: int, start: int = 0) -> list[Window]:
    return [make_window(text, session=f"s{start + number}", first_offset=start + number) for number in range(count)]


async def test_a_shape_is_asked_once_and_answers_for_all_its_windows() -> None:
    bench = Bench(ScriptedTeacher())
    bad = windows_of("disk failed", 3)
    await bench.handle(*bad, *windows_of("disk full", 2, 10))
    await bench.handle(*windows_of("disk full", 1, 20))
    assert bench.teacher.asked == [["disk failed", "disk full"]]
    assert [label.shape for label in bench.labels()] == [bad[0].shape, windows_of("disk full", 1)[0].shape]
    assert {anomaly.id for anomaly in bench.anomalies()} == {window.id for window in bad}
    found = bench.anomalies()[0]
    assert (found.by, found.verdict_source, found.reason, found.evidence[0].probability) == (
        "teacher", "scripted", "it failed", 0.9,
    )  # fmt: skip


async def test_an_anomaly_carries_what_is_unusual_in_its_window() -> None:
    bench = Bench(ScriptedTeacher())
    await bench.handle(*windows_of("disk full", 20))
    await bench.handle(*windows_of("disk failed", 2, 30))
    await bench.handle(*windows_of("disk failed", 1, 40))
    first, second, third = (anomaly.unusual for anomaly in bench.anomalies())
    assert first == second == ["'disk failed' is in 0 of 20 windows before"] and third == []
    off = Bench(ScriptedTeacher(), settings=Settings(label=LabelSettings(evidence=False)))
    await off.handle(*windows_of("disk full", 20), *windows_of("disk failed", 1, 30))
    assert [anomaly.unusual for anomaly in off.anomalies()] == [[]]


async def test_an_anomaly_has_a_title_a_severity_and_the_steps_that_are_missing() -> None:
    bench = Bench(ScriptedTeacher())
    for number in range(20):
        await bench.handle(make_window("disk opened", "disk closed", first_offset=2 * number))
    await bench.handle(make_window("disk opened", "write failed", first_offset=90))
    (found,) = bench.anomalies()
    assert (found.title, found.severity) == ("write failed (never before)", "error")
    assert [(each.text, each.absent) for each in found.evidence] == [
        ("write failed", False), ("disk closed", True), ("disk opened", False),
    ]  # fmt: skip


async def test_the_same_window_twice_is_the_same_anomaly() -> None:
    bench = Bench(ScriptedTeacher())
    window = windows_of("disk failed", 1)[0]
    await bench.handle(window)
    await bench.handle(window)
    assert len({anomaly.id for anomaly in bench.anomalies()}) == 1 and len(bench.labels()) == 1


async def test_a_label_of_another_worker_is_used() -> None:
    bench = Bench(ScriptedTeacher())
    window = windows_of("disk failed", 1)[0]
    bench.knowledge.learn(make_label(window, 0.7))
    await bench.handle(window)
    assert bench.teacher.asked == [] and bench.anomalies()[0].verdict_source == "test"


async def test_an_answer_against_a_settled_event_is_counted_and_logged_with_both_answers() -> None:
    bench, full = Bench(ScriptedTeacher()), windows_of("disk full", 1)[0]
    twice = make_window("disk full", "disk full", session="s2", first_offset=2)
    bench.knowledge.learn(make_label(full, 0.9))
    before = metrics.EVENTS_REOPENED.labels("shop")._value.get()
    with capture_logs() as logs:
        await bench.handle(twice)
    assert metrics.EVENTS_REOPENED.labels("shop")._value.get() == before + 1
    (found,) = [each for each in logs if "settled" in each]
    assert (found["system"], found["template"]) == ("shop", full.events[0].template)
    assert found["settled"] == f"anomalous 0.90 by test on window {full.id}: because"
    assert found["answer"] == f"normal 0.10 by scripted on window {twice.id}: routine"
    (published,) = bench.labels()
    assert published.contradicts == [full.events[0].template]
    await bench.handle(full)
    assert bench.teacher.asked[-1] == ["disk full"] and len(bench.labels()) == 2, "the first shape is asked again"
    await bench.handle(full)
    assert len(bench.teacher.asked) == 2, "the answers agree"


async def test_a_teacher_that_is_away_is_asked_again() -> None:
    bench = Bench(ScriptedTeacher(TeacherError("busy", 7.0), TeacherError("busy", 9.0)))
    await bench.handle(*windows_of("disk failed", 2))
    assert bench.slept == [7.0, 9.0] and len(bench.labels()) == 1 and len(bench.anomalies()) == 2


async def test_a_window_that_no_teacher_can_judge_is_a_dead_letter() -> None:
    bench = Bench(ScriptedTeacher(TeacherError("makes no sense")))
    await bench.handle(*windows_of("disk failed", 2))
    letters = bench.producer.letters(bench.settings.topics.deadletter)
    assert [(letter["reason"], letter["stage"], letter["offset"]) for letter in letters] == [
        ("no-label", "label", "0"), ("no-label", "label", "1"),
    ]  # fmt: skip
    assert "makes no sense" in letters[0]["detail"] and bench.labels() == []


async def test_garbage_is_a_dead_letter() -> None:
    bench = Bench(ScriptedTeacher())
    await bench.labelling.handle([Message(b"{broken"), message_of(windows_of("disk failed", 1)[0], 1)])
    assert [letter["reason"] for letter in bench.producer.letters(bench.settings.topics.deadletter)] == ["not-json"]
    assert len(bench.anomalies()) == 1


async def test_handle_returns_only_when_kafka_has_the_results() -> None:
    bench = Bench(ScriptedTeacher(), holding=True)
    task = asyncio.create_task(bench.handle(*windows_of("disk failed", 1)))
    async with asyncio.timeout(10):
        while len(bench.producer.held) < 2:
            await asyncio.sleep(0)
    assert not task.done()
    bench.producer.release()
    await asyncio.wait_for(task, 1)


async def test_results_that_kafka_refuses_are_an_error() -> None:
    bench = Bench(ScriptedTeacher(), error=KafkaTimeoutError())
    with pytest.raises(BrokerError, match="writing results"):
        await bench.handle(*windows_of("disk failed", 1))


def taught(method: MethodName = DEFAULT_METHOD, system: str = "shop") -> Bench:
    """A bench that has a release, of the system itself or the base, that knows one event."""
    bench = Bench(ScriptedTeacher(), method)
    vectors = releases.pack_vectors(WordEncoder()(["disk opened"]))
    release = make_release(("disk opened", 0.0), system=system, vectors=vectors)
    bench.knowledge.adopt(releases.sign(release, None))
    return bench


async def test_a_window_that_an_answer_makes_general_is_not_asked_about() -> None:
    bench = taught()
    bench.settings = Settings(label={"units_per_call": 1})
    bench.labelling = LabelWorker(bench.settings, bench.producer, bench, bench.teacher, bench.sleep)  # type: ignore[arg-type]
    both, one = make_window("disk full", "disk failed"), make_window("disk failed", session="s2", first_offset=9)
    await bench.handle(both, one)
    assert bench.teacher.asked == [["disk full"]]
    general = bench.producer.of(bench.settings.topics.general, Window)
    assert [(window.id, window.route.kind) for window in general] == [(one.id, "general")]  # type: ignore[union-attr]
    assert [anomaly.id for anomaly in bench.anomalies()] == [both.id]


async def test_a_call_is_filled_with_what_waits() -> None:
    bench = taught()
    await bench.handle(make_window("disk full", "disk failed"), make_window("disk failed", session="s2"))
    assert len(bench.labels()) == 2 and len(bench.teacher.asked) == 1


def referred_window(*texts: str) -> Window:
    route = Route(kind="proprietary", similarity=1.0, threshold=0.8, acquisition_score=1.2)
    return make_window(*texts, route=route)


async def test_a_referred_window_is_asked_about_though_its_events_are_known() -> None:
    bench = taught()
    await bench.handle(referred_window("disk opened", "disk opened"))
    assert len(bench.labels()) == 1 and bench.producer.of(bench.settings.topics.general, Window) == []


async def test_a_referred_window_that_no_teacher_can_judge_goes_back_to_the_model() -> None:
    bench = taught()
    bench.teacher.errors.append(TeacherError("makes no sense"))
    window = referred_window("disk opened", "disk opened")
    await bench.handle(window)
    (back,) = bench.producer.of(bench.settings.topics.general, Window)
    assert (back.id, back.route.kind, back.route.acquisition_score) == (window.id, "general", 1.2)  # type: ignore[union-attr]
    assert bench.producer.letters(bench.settings.topics.deadletter) == []


async def test_fusionlog_asks_until_the_system_has_a_release_of_its_own() -> None:
    before, after = taught("fusionlog", releases.BASE), taught("fusionlog")
    for bench in (before, after):
        await bench.handle(make_window("disk full"), referred_window("disk opened", "disk opened"))
    assert before.teacher.asked == [["disk full", "disk opened"]]
    assert after.teacher.asked == [] and len(after.producer.of(after.settings.topics.general, Window)) == 2


async def test_generallog_gives_nothing_back_but_asks_about_a_shape_once() -> None:
    bench = taught("generallog", releases.BASE)
    bench.settings = Settings(label={"units_per_call": 1})
    bench.labelling = LabelWorker(bench.settings, bench.producer, bench, bench.teacher, bench.sleep)  # type: ignore[arg-type]
    both, one = make_window("disk full", "disk failed"), make_window("disk failed", session="s2", first_offset=9)
    await bench.handle(both, one)
    await bench.handle(both)
    assert bench.teacher.asked == [["disk full"], ["disk failed"]]
    assert bench.producer.of(bench.settings.topics.general, Window) == []


async def test_llm_only_asks_about_what_the_model_knows() -> None:
    bench = taught("llm-only", releases.BASE)
    await bench.handle(make_window("disk opened"))
    assert bench.teacher.asked == [["disk opened"]]


async def test_source_only_gives_everything_back() -> None:
    bench, window = taught("source-only", releases.BASE), make_window("disk full")
    bench.knowledge.learn(make_label(window, 0.9))
    await bench.handle(window)
    assert bench.teacher.asked == [] and bench.anomalies() == []
    assert [each.id for each in bench.producer.of(bench.settings.topics.general, Window)] == [window.id]  # type: ignore[union-attr]


def alpha(*errors: TeacherError | None, units: int = 3) -> Bench:
    """A bench whose labeller is alpha: of a cluster two windows are asked about."""
    label = LabelSettings(labeller="alpha", units_per_call=units)
    settings = Settings(label=label, alpha=AlphaSettings(central=1, uncertain=1))
    return Bench(ScriptedTeacher(*errors), settings=settings)


def disks(*counts: int, bad: bool = False) -> list[Window]:
    """Windows that are like each other and yet of different shapes."""
    last = ["disk failed"] * bad
    return [
        make_window(*["disk opened"] * 3, *["disk closed"] * count, *last, session=f"s{count}", first_offset=99 * count)
        for count in counts
    ]


async def test_alpha_asks_about_representatives_and_the_others_inherit() -> None:
    bench, windows = alpha(), disks(3, 4, 5, 6, 7, bad=True)
    await bench.handle(*windows)
    assert [len(call) for call in bench.teacher.asked] == [2]
    labels = {label.shape: label for label in bench.labels()}
    own = {shape for shape, label in labels.items() if label.propagated_from is None}
    assert set(labels) == {window.shape for window in windows} and len(own) == 2
    assert {label.propagated_from for label in labels.values()} <= {None, *own}
    assert {anomaly.id for anomaly in bench.anomalies()} == {window.id for window in windows}
    await bench.handle(*windows)
    assert len(bench.teacher.asked) == 1 and len(bench.labels()) == 5, "an inherited verdict is one, until it is asked"


async def test_alpha_gives_back_what_representatives_disagree_about_when_it_is_general_by_now() -> None:
    bench = alpha()
    bench.knowledge.adopt(taught().knowledge.release(taught().knowledge.versions[0]))
    alike, odd = disks(20, 21, 22), disks(23, bad=True)
    await bench.handle(*alike, *odd)
    (asked,) = bench.teacher.asked
    general = bench.producer.of(bench.settings.topics.general, Window)
    assert len(asked) == 2 and len(general) == 2 and {window.id for window in general} < {each.id for each in alike}
    assert len(bench.labels()) == 2 and [anomaly.id for anomaly in bench.anomalies()] == [odd[0].id]


async def test_alpha_waits_for_a_representative_that_got_no_answer() -> None:
    bench, windows = alpha(TeacherError("busy", 7.0)), disks(3, 4, 5)
    await bench.handle(*windows)
    assert bench.slept == [7.0] and [len(call) for call in bench.teacher.asked] == [2, 2]
    assert len(bench.labels()) == 3 and bench.producer.letters(bench.settings.topics.deadletter) == []


class SureTeacher(OfflineTeacher):
    """An offline teacher that is sure of one probability, and keeps what it counts."""

    def __init__(self, probability: float) -> None:
        super().__init__([], WordEncoder())
        self.probability, self.seen = probability, list[str]()

    def without_history(self) -> OfflineTeacher:
        return self

    def count(self, windows: Sequence[Window]) -> None:
        super().count(windows)
        self.seen += [window.session for window in windows]

    def verdict(self, window: Window, own: bool = False) -> Verdict:
        return Verdict(self.probability, max(self.probability, 1 - self.probability), "sure", ())


async def no_history(offsets: Mapping[int, int]) -> Mapping[int, Sequence[Window]]:
    return {partition: [] for partition in offsets}


async def test_the_method_of_a_system_decides_whether_the_offline_labeller_labels_it() -> None:
    for method, expected in (("offline", "offline"), ("llm-only", "scripted")):
        bench = Bench(ScriptedTeacher(), method)
        settings = bench.settings.model_copy(update={"method": method})
        bench.labelling = LabelWorker(
            settings, bench.producer, bench, bench.teacher, offline=SureTeacher(0.9), history=no_history  # type: ignore[arg-type]
        )  # fmt: skip
        await bench.handle(*windows_of("disk failed", 1))
        assert [label.teacher for label in bench.labels()] == [expected]


async def test_a_shape_that_only_the_offline_teacher_labelled_is_asked_about() -> None:
    bench, window = Bench(ScriptedTeacher()), windows_of("disk failed", 1)[0]
    bench.knowledge.learn(make_label(window, 0.1, teacher="offline"))
    await bench.handle(window)
    assert bench.teacher.asked == [["disk failed"]] and [label.teacher for label in bench.labels()] == ["scripted"]


class AwayBench(Bench):
    """A bench whose teacher fails, and whose offline teacher gives a provisional verdict meanwhile."""

    def __init__(self, *errors: TeacherError | None, offline: float = 0.9) -> None:
        settings = Settings(label={"when_away": "offline", "units_per_call": 3})
        super().__init__(ScriptedTeacher(*errors), settings=settings)
        self.offline = SureTeacher(offline)
        self.labelling = LabelWorker(
            self.settings, self.producer, self, self.teacher, self.sleep, offline=self.offline,  # type: ignore[arg-type]
            history=no_history,
        )  # fmt: skip

    def deferred(self) -> list[Window]:
        """The windows that were sent back."""
        return self.producer.of(self.settings.topics.proprietary, Window)  # type: ignore[return-value]

    def states(self) -> list[tuple[str, str]]:
        """The session and the state of each anomaly record."""
        return [
            (each.session, "withdrawn" if each.withdrawn else "provisional" if each.provisional else "final")
            for each in self.anomalies()
        ]


AWAY = TeacherError("busy", 7.0)


async def test_while_the_teacher_is_away_windows_get_a_provisional_verdict_and_go_back() -> None:
    bench = AwayBench(AWAY)
    await bench.handle(*windows_of("disk failed", 2))
    assert bench.slept == [] and bench.labels() == [], "a provisional verdict teaches nothing"
    assert bench.states() == [("s0", "provisional"), ("s1", "provisional")]
    assert bench.anomalies()[0].verdict_source == "offline" and bench.offline.seen == ["s0", "s1"]
    assert [(window.session, window.provisional) for window in bench.deferred()] == [("s0", 0.9), ("s1", 0.9)]


async def test_the_teachers_verdict_replaces_a_provisional_one_under_the_same_id() -> None:
    bench = AwayBench(AWAY)
    await bench.handle(make_window("disk failed"), make_window("disk fine", session="s2", first_offset=9))
    await bench.handle(*bench.deferred())
    assert bench.states()[2:] == [("s1", "final"), ("s2", "withdrawn")]
    assert len({(each.id, each.session) for each in bench.anomalies()}) == 2
    assert bench.anomalies()[-1].score == 0.1 and len(bench.labels()) == 2
    assert bench.offline.seen == ["s1", "s2"], "a window is counted once"


async def test_a_provisional_verdict_of_normal_needs_no_withdrawal() -> None:
    bench = AwayBench(AWAY, offline=0.1)
    await bench.handle(*windows_of("disk fine", 1))
    assert bench.anomalies() == [] and [window.provisional for window in bench.deferred()] == [0.1]
    await bench.handle(*bench.deferred())
    assert bench.anomalies() == [] and len(bench.labels()) == 1


async def test_windows_with_a_provisional_verdict_go_back_after_a_pause_without_another_one() -> None:
    bench = AwayBench(AWAY, AWAY, AWAY)
    await bench.handle(*windows_of("disk failed", 1))
    await bench.handle(*bench.deferred())
    assert bench.slept == [7.0] and len(bench.anomalies()) == 1 and len(bench.deferred()) == 2
    await bench.handle(*[window for window in bench.deferred()] * 2)
    assert bench.slept == [7.0, 5.0], "others may wait behind a full batch"


async def test_a_provisional_anomaly_that_the_model_judges_by_now_is_withdrawn() -> None:
    bench = AwayBench(AWAY)
    await bench.handle(*windows_of("disk failed", 1))
    bench.knowledge.adopt(taught().knowledge.release(taught().knowledge.versions[0]))
    bench.knowledge.learn(make_label(make_window("disk failed", "disk opened"), 0.9))
    await bench.handle(*bench.deferred())
    assert bench.states() == [("s0", "provisional"), ("s0", "withdrawn")]
    (general,) = bench.producer.of(bench.settings.topics.general, Window)
    assert general.provisional is None  # type: ignore[attr-defined]


async def test_without_the_setting_windows_wait_and_the_log_has_the_reason() -> None:
    bench = Bench(ScriptedTeacher(TeacherError("answers 401: Incorrect API key", 7.0)))
    with capture_logs() as logs:
        await bench.handle(*windows_of("disk failed", 1))
    assert bench.slept == [7.0] and not bench.anomalies()[0].provisional
    assert any("answers 401: Incorrect API key" in str(each) for each in logs)


async def test_a_reason_to_wait_that_goes_on_is_one_warning_until_there_is_an_answer() -> None:
    spent, slow = TeacherError("the calls are spent", 900.0), TeacherError("busy", 7.0)
    bench = Bench(ScriptedTeacher(spent, spent, slow, None, spent, None))
    with capture_logs() as logs:
        await bench.handle(*windows_of("disk failed", 1))
        await bench.handle(*windows_of("disk full", 1))
    warned = [each["why"] for each in logs if each["log_level"] == "warning"]
    assert warned == ["the calls are spent", "busy", "the calls are spent"] and bench.slept == [
        300.0,
        300.0,
        7.0,
        300.0,
    ]


def offline_labels(bench: Bench, *windows: Window) -> None:
    for window in windows:
        bench.knowledge.learn(make_label(window, 0.9, teacher="offline"))


async def test_shapes_that_only_the_offline_teacher_labelled_are_asked_about_when_a_model_is_available() -> None:
    bench = Bench(ScriptedTeacher(), settings=Settings(label={"units_per_call": 2}))
    often, seldom, twice = (windows_of(text, count) for text, count in (("a b", 5), ("c d", 1), ("e f", 2)))
    asked_before, never = windows_of("g h", 9), windows_of("i j", 9)
    offline_labels(bench, often[0], seldom[0], twice[0], asked_before[0])
    bench.knowledge.learn(make_label(asked_before[0], 0.2))
    await bench.labelling.ask_about_offline_shapes(each_of([*seldom, *often, *asked_before, *twice, *never]))
    assert bench.teacher.asked == [["a b", "e f"], ["c d"]], "those of most windows first"
    assert [label.teacher for label in bench.labels()] == ["scripted"] * 3
    assert bench.anomalies() == [], "what was reported stays"
    await bench.labelling.ask_about_offline_shapes(each_of([*seldom, *often]))
    assert len(bench.teacher.asked) == 2


async def test_what_the_budget_does_not_allow_now_is_asked_about_later() -> None:
    spent, unusable = TeacherError("the calls are spent", 900.0), TeacherError("makes no sense")
    bench = Bench(ScriptedTeacher(spent, unusable, None), settings=Settings(label={"units_per_call": 1}))
    windows = [*windows_of("a b", 2), *windows_of("c d", 1)]
    offline_labels(bench, *windows)
    await bench.labelling.ask_about_offline_shapes(each_of(windows))
    assert bench.teacher.asked == [["a b"], ["a b"], ["c d"]] and bench.slept == [300.0]
    assert [label.shape for label in bench.labels()] == [windows[2].shape], "what it cannot label keeps its label"


async def test_windows_that_wait_come_before_the_next_call_about_offline_shapes() -> None:
    bench = Bench(ScriptedTeacher(), settings=Settings(label={"units_per_call": 1}))
    windows = [make_window(f"{name} x") for name in "abc"]
    offline_labels(bench, *windows)
    asking = asyncio.create_task(bench.labelling.ask_about_offline_shapes(each_of(windows)))
    while not bench.teacher.asked:
        await asyncio.sleep(0)
    await bench.handle(*windows_of("disk failed", 1))
    await asking
    assert bench.teacher.asked.index(["disk failed"]) < 3 and len(bench.teacher.asked) == 4


async def test_a_shape_that_a_method_or_the_model_decides_is_not_asked_about() -> None:
    without, known = Bench(ScriptedTeacher(), "source-only"), taught()
    for bench, text in ((without, "a b"), (known, "disk opened")):
        window = windows_of(text, 1)[0]
        offline_labels(bench, window)
        await bench.labelling.ask_about_offline_shapes(each_of([window]))
        assert bench.teacher.asked == []


async def each_of(windows: Sequence[Window]) -> AsyncIterator[Window]:
    for window in windows:
        yield window


async def test_a_shape_with_an_operators_verdict_is_asked_about_no_more() -> None:
    bench = Bench(ScriptedTeacher())
    [bad], [good] = windows_of("disk failed", 1), windows_of("disk full", 1)
    bench.knowledge.operators.put("a", make_feedback(make_anomaly("disk failed")))
    bench.knowledge.operators.put("b", make_feedback(make_anomaly("disk full"), verdict="confirm"))
    await bench.handle(bad, good)
    assert bench.teacher.asked == [] and bench.labels() == []
    assert [(each.id, each.verdict_source) for each in bench.anomalies()] == [(good.id, "operator:ann")]


async def test_a_muted_shape_is_asked_about_and_its_anomalies_are_silent() -> None:
    bench = Bench(ScriptedTeacher())
    bench.knowledge.operators.put("a", make_feedback(make_anomaly("disk failed"), until=9e9))
    before = metrics.MUTED.labels("shop", "shape")._value.get()
    await bench.handle(*windows_of("disk failed", 2))
    assert bench.teacher.asked == [["disk failed"]] and bench.anomalies() == []
    assert metrics.MUTED.labels("shop", "shape")._value.get() - before == 2
