"""The LLM teacher: labels units by calls to a large language model.

A call holds units of one system, a few tens of them, fewer where the model's context or answer is too short for them.
A unit whose answer cannot be used is sent again alone, with what was wrong, at most `repeats.MOST` times within an
hour; then it alone is given up. A made-up unit shows whether the unit or the endpoint is at fault: an endpoint without
a usable answer on that is left alone, and all units wait. A call whose verdicts on windows contradict its verdicts on
their events is made once more, and the more consistent answer counts. Verdicts are cached: a unit with the same content
is never paid for twice.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence

import structlog

from fusionlog.errors import TeacherError
from fusionlog.observability import metrics
from fusionlog.settings import LabelSettings
from fusionlog.teachers.base import Unit, Verdict
from fusionlog.teachers.cost import Cost
from fusionlog.teachers.few_shot import FewShotExample
from fusionlog.teachers.llm import answers, prompts
from fusionlog.teachers.llm.answer_cache import DEFAULT_ENTRIES, AnswerCache, key
from fusionlog.teachers.llm.batches import (
    Outcome,
    batches_of,
    contradictions,
    is_final,
    may_be_asked_again,
    parts_of,
    problem_of_all,
    restored,
)  # fmt: skip
from fusionlog.teachers.llm.budget import CallBudget
from fusionlog.teachers.llm.endpoint import ContextError, Endpoint
from fusionlog.teachers.llm.made_up import UNIT, UNITS, shortened
from fusionlog.teachers.llm.repeats import Repeats
from fusionlog.teachers.llm.reply import AnswerError, Reply
from fusionlog.teachers.llm.retries import SlowError
from fusionlog.teachers.pseudonyms import hidden, named
from fusionlog.teachers.pseudonyms import restored as restored_names
from fusionlog.types import Clock

CALLS_AT_ONCE = 4
"""Requests under way at a time: enough to hide the seconds that a model takes, few enough for the small rate limits."""
TRIAL_WAIT = 5.0
"""Seconds that a trial waits before it repeats a failed request, at most."""
CONTRADICTING = 0.5
"""The share of a call's verdicts that may contradict their own events' before the call is made again. Some do with
good reason: a step is missing, or an alarming line is put right by the next."""

log = structlog.get_logger(__name__)


class LLMTeacher:
    """Labels units by a model behind an OpenAI-compatible endpoint.

    Calls of `label` wait for each other, so that a unit in two of them is paid for once: hand over all units that wait.

    :param clock: seconds that never go back. :param sleep: waits seconds between repetitions.
    :param budget: what calls are charged to; default: the calls of an hour, of this process alone.
    :raises SettingError: the URL is not valid.
    """

    def __init__(
        self,
        settings: LabelSettings,
        clock: Clock = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        cache_entries: int = DEFAULT_ENTRIES,
        budget: CallBudget | None = None,
    ) -> None:
        self.name = f"llm:{settings.model}"
        self.endpoint = Endpoint(settings, clock, sleep, budget=budget)
        self.cache = AnswerCache(cache_entries)
        self._settings = settings
        self._units_per_call = self._most_units = settings.units_per_call
        self._examples: tuple[FewShotExample, ...] = ()
        self._repeats = Repeats(clock)
        self._turn, self._trying = asyncio.Lock(), asyncio.Lock()
        self._slots = asyncio.Semaphore(CALLS_AT_ONCE)

    @property
    def cost(self) -> Cost:
        """Calls and tokens since the start."""
        return self.endpoint.cost

    def show(self, examples: Sequence[FewShotExample]) -> None:
        """Send these examples with every call from now on, in place of those before."""
        self._examples = tuple(examples)

    def forget(self, units: Sequence[Unit]) -> None:
        """Drop the cached verdicts on these units: they are sent again."""
        for unit in map(self._named, units):
            self.cache.drop(key(unit, self._settings.model, self._examples))

    async def label(self, units: Sequence[Unit]) -> list[Outcome]:
        """A verdict or an error for each unit, in their order."""
        async with self._turn:
            return await self._label(units)

    async def trial(self, calls: int) -> list[Outcome]:
        """The outcomes of made-up units, by at most so many requests."""
        async with self._turn:
            with self.endpoint.limited(calls, TRIAL_WAIT):
                return await self._label(UNITS)

    async def close(self) -> None:
        """Close the connections."""
        await self.endpoint.close()

    def _named(self, unit: Unit) -> Unit:
        """A unit with the names for which pseudonyms will stand, or without."""
        return named(unit, self._settings.pseudonyms)

    async def _label(self, units: Sequence[Unit]) -> list[Outcome]:
        units = list(map(self._named, units))
        keys = [key(unit, self._settings.model, self._examples) for unit in units]
        found: dict[bytes, Outcome] = {k: kept for k in keys if (kept := self.cache.get(k)) is not None}
        metrics.LLM_UNITS.labels("remembered").inc(len(found))
        missing = {k: unit for k, unit in zip(keys, units, strict=True) if k not in found}
        away = await self._made_up_answer() if missing and self.endpoint.distrusted else None
        if away is not None:
            return [found.get(k, away) for k in keys]
        for outcomes in await asyncio.gather(*map(self._batch, batches_of(missing, self._units_per_call))):
            found.update(outcomes)
        return [found[k] for k in keys]

    async def _batch(self, batch: dict[bytes, Unit]) -> dict[bytes, Outcome]:
        """The outcomes of the units of one call, after further calls for those without a usable answer.

        Where no unit has one they are sent together once more, then each alone.
        """
        async with self._slots:
            before = self.endpoint.usable_answers
            outcomes = await self._checked(batch)
            if not self.endpoint.proven and all(map(may_be_asked_again, outcomes.values())):
                away = await self._made_up_answer()
                if away is not None:
                    return dict.fromkeys(batch, away)
            problem = problem_of_all(outcomes)
            if len(batch) > 1 and problem and self._repeats.take(*batch):
                metrics.LLM_UNITS.labels("again").inc(len(batch))
                outcomes = await self._ask(batch, problem)
                if problem_of_all(outcomes):
                    self._units_per_call = (len(batch) + 1) // 2
            for k, outcome in outcomes.items():
                if may_be_asked_again(outcome):
                    outcomes[k] = await self._alone(k, batch[k], outcome, before, sent_alone=len(batch) == 1)
        return outcomes

    async def _checked(self, batch: dict[bytes, Unit]) -> dict[bytes, Outcome]:
        """The outcomes of one call, or of the more consistent of two where most verdicts contradict their events'."""
        first = await self._ask(batch)
        share = contradictions(first)
        if share <= CONTRADICTING or not self._repeats.take(*batch):
            return first
        metrics.LLM_UNITS.labels("again").inc(len(batch))
        again = await self._ask(batch)
        complete = all(isinstance(outcome, Verdict) for outcome in again.values())
        better = again if complete and contradictions(again) < share else first
        log.warning(
            "teacher_contradicts_itself", teacher=self.name, units=len(batch), share=round(share, 2),
            used="second call" if better is again else "first call",
        )  # fmt: skip
        self._keep(better)
        return better

    async def _alone(self, k: bytes, unit: Unit, error: Outcome, before: int, sent_alone: bool) -> Outcome:
        """The outcome of a unit whose answer could not be used, after calls with it alone.

        :param before: the usable answers of the endpoint before the unit was first sent.
        """
        while not (sent_alone and is_final(error)) and self._repeats.take(k):
            unit = shortened(unit) if isinstance(error, ContextError) else unit
            metrics.LLM_UNITS.labels("again").inc()
            error = (await self._ask({k: unit}, error.problem if isinstance(error, AnswerError) else ""))[k]
            sent_alone = True
            if not may_be_asked_again(error):
                return error
        if self.endpoint.usable_answers == before and (away := await self._made_up_answer()) is not None:
            return away
        metrics.LLM_UNITS.labels("given_up").inc()
        log.warning("teacher_unit_given_up", system=unit.system, teacher=self.name, problem=str(error))
        return TeacherError(f"{self.name} gave no usable answer on a window of {unit.system}: {error}")

    async def _made_up_answer(self) -> TeacherError | None:
        """None where the endpoint gives a usable answer on a made-up unit; else the reason why all units wait.

        As long as it has given none, each form of the question is tried once.
        """
        before = self.endpoint.usable_answers
        async with self._trying:
            if self.endpoint.proven and self.endpoint.usable_answers > before:
                return None
            tried: set[str] = set()
            while True:
                tried.add(self.endpoint.dialect.format.name)
                try:
                    await self._complete([UNIT])
                    return None
                except TeacherError as error:
                    if error.retry_after is not None:
                        return error
                    again = isinstance(error, AnswerError) and not self.endpoint.breaker.open
                    if not again or self.endpoint.dialect.format.name in tried:
                        return self.endpoint.leave_alone(error)

    async def _complete(self, sent: Sequence[Unit], problem: str = "") -> list[Verdict | AnswerError]:
        shown, examples, names = hidden(sent, self._examples, self._settings.pseudonyms)

        def read(reply: Reply) -> list[Verdict | AnswerError]:
            found = answers.match(reply, sent)
            whole = sum(isinstance(each, Verdict) for each in found)
            if reply.finish_reason == "length":
                self._send_no_more_than(whole or len(sent) // 2)
            elif whole == len(sent) == self._units_per_call:
                self._units_per_call = min(self._units_per_call + 1, self._most_units)
            return answers.usable(found)

        found = await self.endpoint.complete(prompts.messages(shown, examples, problem), read)
        return [restored_names(each, names) if names and isinstance(each, Verdict) else each for each in found]

    def _send_no_more_than(self, units: int) -> None:
        """Bound the units of later calls."""
        self._most_units = max(min(self._most_units, units), 1)
        self._units_per_call = min(self._units_per_call, self._most_units)

    async def _ask(self, batch: dict[bytes, Unit], problem: str = "") -> dict[bytes, Outcome]:
        """The outcomes of one call, or of several where it is too long for the model."""
        sent = prompts.numbered(list(batch.values()))
        try:
            matched = await self._complete(sent, problem)
        except ContextError as error:
            if len(batch) == 1:
                return dict.fromkeys(batch, error)
            return await self._split(batch)
        except TeacherError as error:
            if isinstance(error.__cause__, SlowError):
                self._send_no_more_than((len(batch) + 1) // 2)
            return dict.fromkeys(batch, error)
        outcomes: dict[bytes, Outcome] = {
            k: restored(answer, unit) for (k, unit), answer in zip(batch.items(), matched, strict=True)
        }
        self._keep(outcomes)
        return outcomes

    async def _split(self, batch: dict[bytes, Unit]) -> dict[bytes, Outcome]:
        """The outcomes of calls with half of the units each; later calls are no larger."""
        self._send_no_more_than((len(batch) + 1) // 2)
        outcomes: dict[bytes, Outcome] = {}
        for part in parts_of(batch, (len(batch) + 1) // 2):
            outcomes.update(await self._ask(part))
        return outcomes

    def _keep(self, outcomes: Mapping[bytes, Outcome]) -> None:
        """Cache the verdicts at once: what was paid for survives a call that is given up later."""
        for k, outcome in outcomes.items():
            if isinstance(outcome, Verdict):
                self.cache.put(k, outcome)
                metrics.LLM_UNITS.labels("answered").inc()
