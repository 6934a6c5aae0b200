"""What a method is given, and what a method is. Methods import this module; the registry imports the methods."""

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
    """Fits that remember what they trained; `of` has those under other settings, or with a domain head."""

    def with_settings(self, settings: DistillSettings, target: Sequence[Example] = (), /) -> CachedTrainer:
        """Fits under these settings; given unlabelled windows of a target, a domain head tries to tell them apart."""

    def uncounted(self) -> FitAll:
        """Fits that no run is charged for."""


@dataclass(frozen=True, eq=False)
class MethodContext:
    """What a method may use. `teacher` is asked by its `label`; `trainer` trains (seeded by `settings.distill.seed`);
    `offline_fit` says what the sources teach of unusual windows.

    The sources come with their labels; of the target there is the fold, which has none.
    """

    settings: Settings
    sources: Sequence[Source]
    encode: NamedEncode
    cache: VectorCache
    trainer: CachedTrainer
    teacher: Teacher | None = None
    offline_fit: Callable[[], OfflineFit] = lambda: NO_FIT

    def with_training(self, settings: DistillSettings, target: Sequence[Example] = ()) -> MethodContext:
        """The bench with other settings of training, and maybe a domain head (see `LocalTrainer.with_settings`)."""
        changed = self.settings.model_copy(update={"distill": settings})
        return replace(self, settings=changed, trainer=self.trainer.with_settings(settings, target))

    def base(self) -> ModelRelease:
        """The release that the sources teach, not signed; `trainer` remembers, so that it is trained once a process.

        No part of the seconds that adapting to a target takes: call it before they are counted.
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
    """A method: adapts on one half of a fold and gives its verdicts on the other."""

    async def __call__(self, fold: Fold, context: MethodContext) -> Result:
        """Verdicts on every session of both halves."""
        ...
