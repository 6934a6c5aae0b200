"""The explainer: a call to a language model for each anomaly, by the endpoint and the redaction of the labels."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

import structlog
from msgspec.structs import replace

from fusionlog.errors import TeacherError
from fusionlog.explanation import prompt
from fusionlog.explanation.answer import Answer, read
from fusionlog.explanation.made_up import ANOMALY
from fusionlog.observability import metrics
from fusionlog.records import Anomaly, ExplainedLine, Explanation
from fusionlog.settings import Settings, SystemSettings
from fusionlog.teachers.base import Unit
from fusionlog.teachers.cost import Cost
from fusionlog.teachers.llm.budget import Budget, CallBudget
from fusionlog.teachers.llm.endpoint import Endpoint, RefusedError
from fusionlog.teachers.llm.reply import AnswerError, Reply
from fusionlog.types import Clock
from fusionlog.utils.redaction import redact
from fusionlog.utils.redaction.pseudonyms import Pseudonyms

ATTEMPTS = 3
"""Calls for one anomaly at most; a prompt holds the reason why the answer before could not be used."""
BUDGET = "FUSIONLOG_EXPLAIN__CALLS_PER_HOUR"

log = structlog.get_logger(__name__)


class Explainer:
    """Explains anomalies by a language model, one a call, within the hourly call budget of each system.

    :param clock: seconds that never go back. :param sleep: waits seconds between repetitions of a failed call.
    :param budgets: the budget of a system; default: the calls of an hour, of this process alone.
    :raises SettingError: there is no endpoint, or its URL is not valid.
    """

    def __init__(
        self,
        settings: Settings,
        clock: Clock = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        budgets: Callable[[str], CallBudget] | None = None,
    ) -> None:
        label, self._settings, self._clock = settings.label, settings.explain, clock
        model = self._settings.model or label.model
        self.name = f"llm:{model}"
        self._endpoint = Endpoint(label.model_copy(update={"model": model}), clock, sleep, prompt.response_formats())
        self._pseudonyms = label.pseudonyms
        self._budgets: dict[str, CallBudget] = {}
        self._make_budget = budgets or self._own_budget
        self._evidence = label.evidence

    @property
    def problem(self) -> str | None:
        """Why the endpoint is left alone; None where it is not."""
        return self._endpoint.breaker.why

    def budget(self, system: str) -> CallBudget:
        """The call budget of a system."""
        if system not in self._budgets:
            self._budgets[system] = self._make_budget(system)
        return self._budgets[system]

    async def explain(self, anomaly: Anomaly, system: SystemSettings) -> Explanation:
        """The explanation of an anomaly.

        :raises RecordError: the anomaly carries no line.
        :raises TeacherError: no explanation now, and `retry_after` is the seconds until the next try; or none at all,
            and `retry_after` is None.
        """
        if not self._evidence:
            anomaly = replace(anomaly, unusual=[])
        names = prompt.pseudonyms_of(anomaly, system) if self._pseudonyms else None
        hide = names.hide_raw if names else redact
        unit, before = prompt.unit_of(anomaly, system, hide), self._endpoint.cost
        metrics.EXPLANATIONS_ASKED.labels(anomaly.system).inc()
        answer = await self._answer(unit, anomaly, hide)
        answer = _restored(answer, names) if names else answer
        return _explanation(anomaly, answer, self.name, self._endpoint.cost - before)

    async def close(self) -> None:
        """Close the connections."""
        await self._endpoint.close()

    def _own_budget(self, system: str) -> Budget:
        return Budget(self._settings.calls_per_hour, self._clock, setting=BUDGET)

    async def _answer(self, unit: Unit, anomaly: Anomaly, hide: prompt.Hide) -> Answer:
        problem, budget = "", self.budget(anomaly.system)
        last = AnswerError("no call was made")
        if self._endpoint.distrusted:
            await self._test(budget)
        for _ in range(ATTEMPTS):
            try:
                return await self._complete(prompt.messages(unit, anomaly, problem, hide), unit, budget)
            except AnswerError as error:
                last = error
            except TeacherError as error:
                if error.retry_after is None and not self._endpoint.proven:
                    await self._test(budget)
                raise
            problem = last.problem
            metrics.EXPLANATIONS_REFUSED.labels(anomaly.system).inc()
            log.warning("explanation_refused", system=anomaly.system, anomaly=anomaly.id, problem=str(last))
        if not self._endpoint.proven:
            await self._test(budget)
        raise TeacherError(f"{self.name} gave no usable explanation in {ATTEMPTS} calls: {last}")

    async def _test(self, budget: CallBudget) -> None:
        """Return where the endpoint explains a made-up anomaly: then an anomaly without explanation is at fault.

        :raises TeacherError: it does not; `retry_after` is the seconds until the next try.
        """
        unit = prompt.unit_of(ANOMALY, SystemSettings())
        try:
            await self._complete(prompt.messages(unit, ANOMALY), unit, budget)
        except TeacherError as error:
            if self._endpoint.proven:
                return
            if error.retry_after is not None:
                raise
            raise self._endpoint.leave_alone(error) from error

    async def _complete(self, messages: list[dict[str, str]], unit: Unit, budget: CallBudget) -> Answer:
        """The model's answer. Calls to an endpoint that is away are refunded: the hour's budget is kept."""
        before = self._endpoint.cost

        def reading(reply: Reply) -> Answer:
            return read(reply, unit)

        try:
            return await self._endpoint.complete(messages, reading, budget)
        except AnswerError:
            raise
        except RefusedError as error:
            raise TeacherError(str(error)) from error
        except TeacherError:
            await budget.refund((self._endpoint.cost - before).calls)
            raise


def _restored(answer: Answer, names: Pseudonyms) -> Answer:
    """An answer with the names in place of their pseudonyms."""
    return replace(answer, root_cause=names.restore(answer.root_cause), next_step=names.restore(answer.next_step))


def _explanation(anomaly: Anomaly, answer: Answer, name: str, cost: Cost) -> Explanation:
    lines = prompt.lines_of(anomaly)
    shown = [lines[id - 1] for id in answer.evidence]
    return Explanation(
        system=anomaly.system,
        shape=anomaly.shape,
        anomaly=anomaly.id,
        session=anomaly.session,
        score=anomaly.score,
        cause=answer.root_cause,
        evidence=[ExplainedLine(template=each.template, line=each.example, count=each.count) for each in shown],
        next_step=answer.next_step,
        explained_by=name,
        calls=cost.calls,
        tokens=cost.tokens,
        explained_at=time.time(),
    )
