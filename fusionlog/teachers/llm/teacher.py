"""The LLM teacher: labels units by calls to a large language model.

A call holds units of one system, a few tens of them. A unit whose answer cannot be used is sent again alone, at most
`LONE_CALLS` times; then it alone is given up. A call whose verdicts on windows contradict its verdicts on their events
is made once more, and the more consistent answer counts. Verdicts are cached: a unit with the same content is never
paid for twice.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence

import structlog
from msgspec.structs import replace

from fusionlog.decision import is_anomalous
from fusionlog.errors import TeacherError
from fusionlog.observability import metrics
from fusionlog.settings import LabelSettings
from fusionlog.teachers.base import Unit, Verdict
from fusionlog.teachers.cost import Cost
from fusionlog.teachers.few_shot import FewShotExample
from fusionlog.teachers.llm import answers, prompts
from fusionlog.teachers.llm.answer_cache import DEFAULT_ENTRIES, AnswerCache, key
from fusionlog.teachers.llm.endpoint import Endpoint, RefusedError
from fusionlog.types import Clock

CALLS_AT_ONCE = 4
"""Requests under way at a time: enough to hide the seconds that a model takes, few enough for the small rate limits."""
LONE_CALLS = 3
"""Calls with one unit alone, at most, after its answer could not be used. Where one answer in five is broken,
one unit in 600 is given up (0.2 to the fourth); a model that never keeps to the form costs four calls a unit."""

CHECKED_UNITS = 4
"""A call with fewer verdicts is not checked for contradictions."""
CONTRADICTING = 0.5
"""The share of a call's verdicts that may contradict their own events' before the call is made again. Some do with
good reason: a step is missing, or an alarming line is put right by the next."""

log = structlog.get_logger(__name__)
Outcome = Verdict | TeacherError


class LLMTeacher:
    """Labels units by a model behind an OpenAI-compatible endpoint.

    Calls of `label` wait for each other, so that a unit in two of them is paid for once: hand over all units that wait.

    :param clock: seconds that never go back. :param sleep: waits seconds between repetitions.
    :raises SettingError: the URL is not valid.
    """

    def __init__(
        self,
        settings: LabelSettings,
        clock: Clock = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        cache_entries: int = DEFAULT_ENTRIES,
    ) -> None:
        self.name = f"llm:{settings.model}"
        self.endpoint = Endpoint(settings, clock, sleep)
        self.cache = AnswerCache(cache_entries)
        self._settings = settings
        self._examples: tuple[FewShotExample, ...] = ()
        self._turn = asyncio.Lock()
        self._slots = asyncio.Semaphore(CALLS_AT_ONCE)

    @property
    def cost(self) -> Cost:
        """Calls and tokens since the start."""
        return self.endpoint.cost

    def show(self, examples: Sequence[FewShotExample]) -> None:
        """Send these examples with every call from now on, in place of those before."""
        self._examples = tuple(examples)

    async def label(self, units: Sequence[Unit]) -> list[Outcome]:
        """A verdict or an error for each unit, in their order."""
        keys = [key(unit, self._settings.model, self._examples) for unit in units]
        async with self._turn:
            found: dict[bytes, Outcome] = {k: kept for k in keys if (kept := self.cache.get(k)) is not None}
            metrics.LLM_UNITS.labels("remembered").inc(len(found))
            missing = {k: unit for k, unit in zip(keys, units, strict=True) if k not in found}
            batches = _batches(missing, self._settings.units_per_call)
            for outcomes in await asyncio.gather(*map(self._batch, batches)):
                found.update(outcomes)
        return [found[k] for k in keys]

    async def close(self) -> None:
        """Close the connections."""
        await self.endpoint.close()

    async def _batch(self, batch: dict[bytes, Unit]) -> dict[bytes, Outcome]:
        """The outcomes of the units of one call, after calls with one unit each for those without a usable answer."""
        async with self._slots:
            outcomes = await self._checked(batch)
            for k, outcome in outcomes.items():
                if isinstance(outcome, str):
                    outcomes[k] = await self._alone(k, batch[k], outcome)
        return {k: outcome for k, outcome in outcomes.items() if not isinstance(outcome, str)}

    async def _checked(self, batch: dict[bytes, Unit]) -> dict[bytes, Outcome | str]:
        """The outcomes of one call, or of the more consistent of two where most verdicts contradict their events'."""
        first = await self._ask(batch)
        share = _contradictions(first)
        if share <= CONTRADICTING:
            return first
        metrics.LLM_UNITS.labels("again").inc(len(batch))
        again = await self._ask(batch)
        better = again if _contradictions(again) < share else first
        log.warning(
            "teacher_contradicts_itself", teacher=self.name, units=len(batch), share=round(share, 2),
            used="second call" if better is again else "first call",
        )  # fmt: skip
        self._keep(better)
        return better

    async def _alone(self, k: bytes, unit: Unit, problem: str) -> Outcome:
        for _ in range(LONE_CALLS):
            metrics.LLM_UNITS.labels("again").inc()
            outcome = (await self._ask({k: unit}))[k]
            if not isinstance(outcome, str):
                return outcome
            problem = outcome
        metrics.LLM_UNITS.labels("given_up").inc()
        log.warning("teacher_unit_given_up", system=unit.system, teacher=self.name, problem=problem)
        return TeacherError(f"{self.name} gave no usable answer on a window of {unit.system}: {problem}")

    async def _ask(self, batch: dict[bytes, Unit]) -> dict[bytes, Outcome | str]:
        """The outcomes of one call. A text in place of a verdict is the reason why the answer cannot be used."""
        sent = prompts.numbered(list(batch.values()))
        try:
            content = await self.endpoint.complete(prompts.messages(sent, self._examples))
        except RefusedError as error:
            return dict.fromkeys(batch, str(error) if len(batch) > 1 else TeacherError(str(error)))
        except TeacherError as error:
            return dict.fromkeys(batch, error)
        matched = answers.match(content, sent)
        outcomes: dict[bytes, Outcome | str] = {
            k: _restored(answer, unit) for (k, unit), answer in zip(batch.items(), matched, strict=True)
        }
        self._keep(outcomes)
        return outcomes

    def _keep(self, outcomes: dict[bytes, Outcome | str]) -> None:
        """Cache the verdicts at once: what was paid for survives a call that is given up later."""
        for k, outcome in outcomes.items():
            if isinstance(outcome, Verdict):
                self.cache.put(k, outcome)
                metrics.LLM_UNITS.labels("answered").inc()


def _contradictions(outcomes: Mapping[bytes, Outcome | str]) -> float:
    """The share of verdicts that differ from "anomalous as soon as an event is"; 0 for too few verdicts."""
    verdicts = [outcome for outcome in outcomes.values() if isinstance(outcome, Verdict)]
    if len(verdicts) < CHECKED_UNITS:
        return 0.0
    differ = [
        is_anomalous(verdict.probability) != any(is_anomalous(event.probability) for event in verdict.events)
        for verdict in verdicts
    ]
    return sum(differ) / len(differ)


def _batches(units: dict[bytes, Unit], size: int) -> list[dict[bytes, Unit]]:
    """Units that are sent together: of one system and policy, `size` at most; one with instructions goes alone."""
    groups: dict[object, list[bytes]] = defaultdict(list)
    for k, unit in units.items():
        lone = k if prompts.has_instructions(unit) else None
        groups[unit.system, unit.description, unit.policy, lone].append(k)
    return [
        {k: units[k] for k in group[start : start + size]}
        for group in groups.values()
        for start in range(0, len(group), size)
    ]


def _restored(answer: Verdict | str, unit: Unit) -> Verdict | str:
    """The verdict with the event ids of the unit, in place of those of the call; a text as it is."""
    if isinstance(answer, str):
        return answer
    events = tuple(replace(event, id=own.id) for event, own in zip(answer.events, unit.events, strict=True))
    return replace(answer, events=events)
