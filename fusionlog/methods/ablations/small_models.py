"""The papers' small models on a target, taught by the sources: the GRU, meta-learning, and a domain head."""

from __future__ import annotations

import time
from dataclasses import replace

from fusionlog.data.sources import unlabelled
from fusionlog.detector.examples import balanced
from fusionlog.detector.sequence import by_cache_key
from fusionlog.methods.base import MethodContext
from fusionlog.methods.generallog import source_only
from fusionlog.methods.protocol import Fold, Result


async def adversarial(fold: Fold, context: MethodContext) -> Result:
    """The sources' model, whose representations do not tell the half that is adapted on from them (DANN).

    Its seconds of training are those of a base: two fits, of which the first is only measured.
    """
    settings = context.settings.distill
    groups = by_cache_key(fold.adapt, settings.detector)
    target = balanced([unlabelled(group, context.cache, settings.detector) for group in groups])
    taught = context.with_training(settings, target)
    began = time.perf_counter()
    taught.base()
    seconds = time.perf_counter() - began
    return replace(await source_only(fold, taught), seconds_train=seconds)


async def mldg(fold: Fold, context: MethodContext) -> Result:
    """The sources' model, meta-learned across them."""
    return await source_only(fold, context.with_training(context.settings.distill.model_copy(update={"base": "mldg"})))


async def gru_source_only(fold: Fold, context: MethodContext) -> Result:
    """The sources' model as a bidirectional GRU with attention."""
    return await source_only(
        fold, context.with_training(context.settings.distill.model_copy(update={"detector": "gru"}))
    )
