"""The interface of a method and its context. Methods import this module; the registry imports the methods."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from fusionlog.data.sources import Source
from fusionlog.detector.examples import Example
from fusionlog.distillation.base_model import base_release
from fusionlog.distillation.source_regressions import NO_FIT, OfflineFit
from fusionlog.distillation.students import FitAll
from fusionlog.embedding.encoder import NamedEncode, VectorCache
from fusionlog.methods.protocol import Fold, Result
from fusionlog.records import ModelRelease
from fusionlog.settings import DistillSettings, Settings
from fusionlog.teachers.base import Teacher


class CachedTrainer(FitAll, Protocol):
    """A trainer that caches its models: examples it has trained on before are not trained on again."""

    def with_settings(self, settings: DistillSettings, target: Sequence[Example] = (), /) -> CachedTrainer:
        """A trainer under these settings that shares the cache; `target` are unlabelled windows for a domain head."""

    def uncounted(self) -> FitAll:
        """The same trainer with its own account of saved seconds, so that no run is charged for its fits."""


@dataclass(frozen=True, eq=False)
class MethodContext:
    """The resources of a method: settings, labelled sources, encoder, vector cache, trainer, teacher.

    `trainer` is seeded by `settings.distill.seed`; `offline_fit` gives the regressions on novelty features that are
    fitted on the sources. The target is not here: a method gets its fold, which carries no label.
    """

    settings: Settings
    sources: Sequence[Source]
    encode: NamedEncode
    cache: VectorCache
    trainer: CachedTrainer
    teacher: Teacher | None = None
    offline_fit: Callable[[], OfflineFit] = lambda: NO_FIT

    def with_training(self, settings: DistillSettings, target: Sequence[Example] = ()) -> MethodContext:
        """The context under other training settings, optionally with a domain head on `target` (unlabelled)."""
        changed = self.settings.model_copy(update={"distill": settings})
        return replace(self, settings=changed, trainer=self.trainer.with_settings(settings, target))

    def base(self) -> ModelRelease:
        """The base release, trained on the sources and not signed; `trainer` caches it, so a process trains it once.

        Its training is no part of a target's adaptation time: call it before that is measured.
        """
        return base_release(
            self.sources,
            self.cache,
            self.encode.name,
            self.settings.distill,
            self.trainer.uncounted(),
            now=0.0,
            job="evaluate",
        )


class Method(Protocol):
    """A method: adapts on one half of a fold and labels the other."""

    async def __call__(self, fold: Fold, context: MethodContext) -> Result:
        """The outcomes of every session of both halves."""
        ...
