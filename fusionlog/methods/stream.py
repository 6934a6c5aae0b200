"""A half of a target as its windows come: the workers' decisions and calls, with the stream itself for a clock."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from fusionlog.decision import UNDECIDED
from fusionlog.methods.protocol import Outcome, outcomes
from fusionlog.methods.target import Target
from fusionlog.online.asking import Call, QueryStrategy, known_label, most_informative
from fusionlog.online.decisions import decide, verdicts
from fusionlog.online.query_queue import CandidatePool
from fusionlog.online.verdict import Verdict, is_anomalous
from fusionlog.records import PseudoLabel, Window

BATCH_WINDOWS = 20
"""Windows that arrive together."""


@dataclass
class Verdicts:
    """The verdict on each window of a half, and whether it is the teacher's, which it was asked for."""

    scores: list[float]
    anomalous: list[bool]
    proprietary: list[bool]

    @classmethod
    def of(cls, number: int) -> Verdicts:
        """No verdict yet on any of `number` windows. What gets none at all is not called anomalous."""
        return cls([UNDECIDED] * number, [False] * number, [False] * number)

    def give(self, place: int, verdict: Verdict, proprietary: bool = False) -> None:
        """The verdict on the window at a place."""
        self.scores[place], self.anomalous[place] = verdict.probability, is_anomalous(verdict)
        self.proprietary[place] = proprietary

    def part(self, start: int, stop: int) -> Verdicts:
        """Those on the windows from a place to another."""
        return Verdicts(self.scores[start:stop], self.anomalous[start:stop], self.proprietary[start:stop])

    def by_session(self, windows: Sequence[Window]) -> list[Outcome]:
        """As verdicts on sessions."""
        return outcomes(windows, self.scores, self.anomalous, self.proprietary)


@dataclass(frozen=True)
class StreamClock:
    """When a call is made: it is full of the shapes that wait, or a window waited while so many others came.

    :param units: windows of a call. :param linger: windows; None: not before the end of the half.
    """

    units: int
    linger: int | None

    def due(self, shapes: int, waited: int) -> bool:
        """Whether to ask now. :param shapes: that wait. :param waited: windows that came since the first of them."""
        return self.linger is not None and (shapes >= self.units or waited >= self.linger)


class Stream:
    """Gives every window of a half its verdict.

    A batch is routed; general windows are decided on, the others wait in the candidate pool; when a call is due the
    teacher is asked until no window waits; what its answers release is decided on then. Windows that wait when no call
    is left, or that the teacher cannot label, have the model's verdict, where the method has a model.
    """

    def __init__(
        self, target: Target, windows: Sequence[Window], clock: StreamClock, strategy: QueryStrategy = most_informative
    ) -> None:
        self._target, self._windows, self._clock, self._strategy = target, windows, clock, strategy
        self._pool: CandidatePool[int] = CandidatePool(target.knowledge)
        self._since: int | None = None
        self.verdicts = Verdicts.of(len(windows))
        self.seconds = 0.0
        """Of deciding."""

    async def run(self) -> Verdicts:
        """The verdicts on all windows."""
        for start in range(0, len(self._windows), BATCH_WINDOWS):
            places = range(start, min(start + BATCH_WINDOWS, len(self._windows)))
            proprietary = self._take(places)
            if self._since is not None and self._clock.due(len(self._pool.windows), places.stop - self._since):
                await self._ask()
            await self._target.show(proprietary)
        while self._pool:
            await self._ask()
        return self.verdicts

    def _take(self, places: range) -> list[Window]:
        """Route a batch, and decide on what is general; the proprietary windows."""
        general, proprietary = list[tuple[Window, int]](), list[Window]()
        for place in places:
            window = self._target.knowledge.route(self._windows[place])
            if window.route is not None and window.route.kind == "general":
                general.append((window, place))
            else:
                proprietary.append(window)
                self._admit(window, place)
        self._decide(general)
        return proprietary

    def _admit(self, window: Window, place: int) -> None:
        label = known_label(window, self._target.knowledge, self._target.context.teacher)
        if label is not None:
            self.verdicts.give(place, label, proprietary=True)
        else:
            self._wait(window, place)

    def _wait(self, window: Window, place: int) -> None:
        self._pool.add(window, place)
        self._since = place if self._since is None else min(self._since, place)

    def _decide(self, general: Sequence[tuple[Window, int]]) -> None:
        began, windows = time.perf_counter(), [window for window, _ in general]
        decisions = decide(windows, self._target.state, may_refer=self._target.calls_left > 0)
        self.seconds += time.perf_counter() - began
        for number, verdict in decisions.settled:
            self.verdicts.give(general[number][1], verdict)
        for number, window in decisions.referred:
            self._wait(window, general[number][1])

    async def _ask(self) -> None:
        """Ask until no window waits; what is released meanwhile is decided on afterwards."""
        self._since, released = None, list[tuple[Window, int]]()
        while self._pool:
            released += self._pool.release()
            if self._target.calls_left <= 0:
                self._give_up(self._pool.windows)
            call = self._strategy(self._pool, self._clock.units)
            if call.windows:
                await self._call(call)
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
        """A recording cannot wait for a teacher that answers later: what got no answer leaves the pool."""
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
