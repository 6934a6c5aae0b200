"""FusionLog (arXiv 2511.05878) on a fold: query the adaptation half, distil a student, then score the test half."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
import structlog

from fusionlog.data.sources import source_examples
from fusionlog.distillation.distill import NothingToDistilError, distill
from fusionlog.distillation.source_regressions import with_offline_fit
from fusionlog.methods.base import MethodContext
from fusionlog.methods.protocol import Fold, Result
from fusionlog.methods.stream import Stream, StreamClock, Verdicts
from fusionlog.methods.target import Target
from fusionlog.online.asking import most_informative
from fusionlog.online.decisions import verdicts
from fusionlog.online.query_queue import CandidatePool
from fusionlog.records import ModelRelease, PseudoLabel, Window
from fusionlog.rules import RULES, MethodName

log = structlog.get_logger(__name__)


async def fusionlog(fold: Fold, context: MethodContext) -> Result:
    """The teacher labels windows of the adaptation half only; the student alone scores the test half."""
    return await _run(fold, context, "fusionlog")


async def fusionlog_online(fold: Fold, context: MethodContext) -> Result:
    """The default: on the test half the teacher also labels proprietary windows and gives second opinions."""
    return await _run(fold, context, "fusionlog+online")


async def adapt(target: Target, base: ModelRelease) -> float:
    """Query the adaptation half and distil the labels.

    :return: the seconds that this took.
    """
    began, settings = time.perf_counter(), target.context.settings
    target.adopt(base)
    pool: CandidatePool[None] = CandidatePool(target.knowledge)
    for window in target.fold.adapt:
        pool.add(window, None)
    target.state.detector.update(target.fold.adapt)
    target.observe(target.fold.adapt)
    calls = min(settings.evaluate.adaptation_calls, target.calls_left)
    answered = await target.ask(pool, most_informative(pool, calls * settings.label.units_per_call))
    target.questions.clear()
    target.show(target.fold.adapt)
    distil(target, [each.label for each in answered.labelled], base)
    return time.perf_counter() - began


def distil(target: Target, labels: Sequence[PseudoLabel], base: ModelRelease) -> None:
    """Distil the labels of the adaptation half, and use the release if the gate accepts it."""
    context = target.context
    sources = [source_examples(source, context.cache, base.detector) for source in context.sources]
    base = with_offline_fit(base, context.offline_fit())
    try:
        distilled = distill(
            labels,
            target.fold.adapt,
            sources,
            base,
            context.cache,
            context.settings.distill,
            context.trainer,
            now=time.time(),
        )
    except NothingToDistilError as error:
        log.warning("nothing was distilled", reason=str(error))
        return
    if distilled.report.accepted:
        target.adopt(distilled.release)
    else:
        log.warning("the gate refused a release", reason=distilled.report.reason)


def transductive_verdicts(target: Target) -> Verdicts:
    """The verdicts of the adapted system on the adaptation half itself (transductive)."""
    found = Verdicts.of(len(target.fold.adapt))
    for place, verdict in enumerate(verdicts(target.fold.adapt, target.state)):
        found.give(place, verdict)
    return found


def similarities(target: Target, windows: Sequence[Window]) -> list[float]:
    """The router's similarity S of each window."""
    routes = [target.knowledge.route(window).route for window in windows]
    return [float(np.float32(route.similarity)) for route in routes if route is not None]


async def _run(fold: Fold, context: MethodContext, method: MethodName) -> Result:
    settings = context.settings
    target, base = Target(fold, context, method, calls=settings.evaluate.calls), context.base()
    seconds = await adapt(target, base)
    adapted, near = transductive_verdicts(target), similarities(target, fold.test)
    if not RULES[method].queries_teacher(own=True):
        target.calls = 0
    stream = Stream(target, fold.test, StreamClock(settings.label.units_per_call, settings.evaluate.max_wait_windows))
    found = await stream.run()
    return Result(
        outcomes=found.by_session(fold.test), adapted=adapted.by_session(fold.adapt), asked=target.deduplicated.asked,
        cost=target.deduplicated.cost,
        seconds_train=seconds, seconds_score=stream.seconds, tau=base.tau, similarities=near,
    )  # fmt: skip
