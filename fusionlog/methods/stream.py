"""One half of a target as a stream: the workers' decisions and calls, with the number of windows as the clock."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from fusionlog.decision import UNDECIDED
from fusionlog.methods.protocol import Outcome, outcomes
from fusionlog.methods.stream_target import StreamTarget
from fusionlog.online.asking import Call, QueryStrategy, known_label, most_informative
from fusionlog.online.decisions import BATCH_WINDOWS, decide, verdicts
from fusionlog.online.query_queue import CandidatePool
from fusionlog.online.verdict import Verdict, is_anomalous
from fusionlog.records import PseudoLabel, Window
from fusionlog.teachers.base import OFFLINE, label_of
from fusionlog.teachers.cost import Cost
from fusionlog.teachers.offline.in_order import OrderedVerdict


@dataclass
class Verdicts:
    """The verdict on each window of a half, and whether the teacher gave it."""

    scores: list[float]
    anomalous: list[bool]
    proprietary: list[bool]
    last: dict[int, Verdict] = field(default_factory=dict)
    """The verdict itself on each window that has one, by its index."""

    @classmethod
    def of(cls, number: int) -> Verdicts:
        """`number` windows without a verdict; a window that never gets one counts as normal."""
        return cls([UNDECIDED] * number, [False] * number, [False] * number)

    def give(self, place: int, verdict: Verdict, proprietary: bool = False) -> None:
        """Set the verdict on the window at an index."""
        self.scores[place], self.anomalous[place] = verdict.probability, is_anomalous(verdict)
        self.proprietary[place], self.last[place] = proprietary, verdict

    def part(self, start: int, stop: int) -> Verdicts:
        """The verdicts on the windows `start` to `stop`."""
        return Verdicts(self.scores[start:stop], self.anomalous[start:stop], self.proprietary[start:stop])

    def by_session(self, windows: Sequence[Window]) -> list[Outcome]:
        """The outcomes of the windows' sessions."""
        return outcomes(windows, self.scores, self.anomalous, self.proprietary)


@dataclass(frozen=True)
class StreamClock:
    """When a call is due: the pool has enough shapes for one, or its oldest window has waited for `linger` windows.

    :param units: windows per call. :param linger: in windows; None: no call before the end of the half.
    """

    units: int
    linger: int | None

    def due(self, shapes: int, waited: int) -> bool:
        """Whether a call is due.

        :param shapes: the shapes in the pool. :param waited: windows that arrived since the oldest of them.
        """
        return self.linger is not None and (shapes >= self.units or waited >= self.linger)


class Stream:
    """Runs the rules of a method over one half of a target, and gives every window its verdict.

    1. A batch is routed: general windows are scored, proprietary ones enter the candidate pool.
    2. When a call is due, the teacher is queried until the pool is empty. An offline teacher has no pool: each
       proprietary window has its verdict from those before it.
    3. Windows that its answers make general return to the small model.
    4. Windows without an answer, or without a call left for them, get the model's verdict if the method has a model.
    """

    def __init__(
        self,
        target: StreamTarget,
        windows: Sequence[Window],
        clock: StreamClock,
        strategy: QueryStrategy = most_informative,
    ) -> None:  # fmt: skip
        self._target, self._windows, self._clock, self._strategy = target, windows, clock, strategy
        self._pool: CandidatePool[int] = CandidatePool(target.knowledge)
        self._since: int | None = None
        self._places: dict[str, int] = {}
        """The places of windows that an offline teacher labels, by their ids."""
        self.verdicts = Verdicts.of(len(windows))
        self.seconds = 0.0
        """Seconds spent on scoring."""

    async def run(self) -> Verdicts:
        """The verdicts on all windows."""
        for start in range(0, len(self._windows), BATCH_WINDOWS):
            places = range(start, min(start + BATCH_WINDOWS, len(self._windows)))
            self._take(places)
            if self._since is not None and self._clock.due(len(self._pool.windows), places.stop - self._since):
                await self._ask()
        while self._pool:
            await self._ask()
        if self._target.in_order is not None:
            self._give_offline(self._target.in_order.finish(self._target.name))
        return self.verdicts

    def _take(self, places: range) -> None:
        """Route a batch and score its general windows; the proprietary ones get a label, or wait for one."""
        general = list[tuple[Window, int]]()
        for place in places:
            window = self._target.knowledge.route(self._windows[place])
            if window.route is not None and window.route.kind == "general":
                general.append((window, place))
            else:
                self._admit(window, place)
        self._decide(general)

    def _admit(self, window: Window, place: int) -> None:
        if self._target.in_order is not None:
            self._places[window.id] = place
            self._target.deduplicated.cost += Cost(units=1)
            self._give_offline(self._target.in_order.take([window]))
            return
        self._target.observe([window])
        label = known_label(window, self._target.knowledge)
        if label is not None:
            self.verdicts.give(place, label, proprietary=True)
        else:
            self._wait(window, place)

    def _give_offline(self, found: Iterable[OrderedVerdict]) -> None:
        for each in found:
            place = self._places.get(each.window.id)
            if place is not None:  # Else it was shown before this half.
                label = label_of(each.window, each.verdict, OFFLINE, time.time())
                self.verdicts.give(place, label, proprietary=True)

    def _wait(self, window: Window, place: int) -> None:
        self._pool.add(window, place)
        self._since = place if self._since is None else min(self._since, place)

    def _decide(self, general: Sequence[tuple[Window, int]]) -> None:
        began, windows = time.perf_counter(), [window for window, _ in general]
        may_refer = self._target.calls_left > 0 and self._target.in_order is None
        decisions = decide(windows, self._target.state, may_refer)
        self.seconds += time.perf_counter() - began
        for number, verdict in decisions.settled:
            self.verdicts.give(general[number][1], verdict)
        for number, window in decisions.referred:
            self._target.observe([window])
            self._wait(window, general[number][1])

    async def _ask(self) -> None:
        """Query the teacher until the pool is empty, then score the windows that its answers released."""
        self._since, released = None, list[tuple[Window, int]]()
        while self._pool:
            released += self._pool.release()
            if self._target.calls_left <= 0:
                self._give_up(self._pool.windows)
            call = self._strategy(self._pool, self._clock.units)
            if call.windows:
                await self._call(call)
        self._target.questions.clear()
        self._decide(sorted(released, key=lambda each: each[1]))

    async def _call(self, call: Call) -> None:
        answered = await self._target.ask(self._pool, call)
        for each in answered.labelled:
            self._label([place for _, place in each.waited], each.label)
        for given_up in answered.given_up:
            self._fall_back(given_up.waited)
        self._give_up(call.windows)

    def _label(self, places: Sequence[int], label: PseudoLabel) -> None:
        for place in places:
            self.verdicts.give(place, label, proprietary=True)

    def _give_up(self, windows: Sequence[Window]) -> None:
        """Remove windows without an answer from the pool: a recording cannot wait for a later retry."""
        for window in windows:
            self._fall_back(self._pool.take(window.shape))

    def _fall_back(self, waited: Sequence[tuple[Window, int]]) -> None:
        """The model's verdict on windows without a label."""
        if not waited or not self._target.knowledge.ready:
            return
        self._target.state.second_opinion.unanswered(waited[0][0])
        found = verdicts([window for window, _ in waited], self._target.state)
        for (_, place), verdict in zip(waited, found, strict=True):
            self.verdicts.give(place, verdict)
