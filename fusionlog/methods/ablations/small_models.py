"""Ablations of the sources' model: a domain head (DANN), meta-learning (MLDG), and a GRU."""

from __future__ import annotations

import time
from dataclasses import replace

from fusionlog.data.sources import unlabelled
from fusionlog.detector.examples import balanced
from fusionlog.detector.sequence import by_cache_key
from fusionlog.methods.base import MethodContext
from fusionlog.methods.protocol import Fold, Result
from fusionlog.methods.source_only import source_only


async def adversarial(fold: Fold, context: MethodContext) -> Result:
    """The sources' model, trained so that a domain head cannot separate sources and adaptation half (DANN).

    `seconds_train` covers the two fits of a base release, of which the first is only measured.
    """
    settings = context.settings.distill
    groups = by_cache_key(fold.adapt, settings.detector)
    target = balanced([unlabelled(group, context.cache, settings.detector) for group in groups])
    adversary = context.with_training(settings, target)
    began = time.perf_counter()
    adversary.base()
    seconds = time.perf_counter() - began
    return replace(await source_only(fold, adversary), seconds_train=seconds)


async def mldg(fold: Fold, context: MethodContext) -> Result:
    """The sources' model, meta-learned across the sources (MLDG)."""
    return await source_only(fold, context.with_training(context.settings.distill.model_copy(update={"base": "mldg"})))


async def gru_source_only(fold: Fold, context: MethodContext) -> Result:
    """The sources' model as a bidirectional GRU with attention."""
    return await source_only(
        fold, context.with_training(context.settings.distill.model_copy(update={"detector": "gru"}))
    )
