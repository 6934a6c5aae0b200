"""The methods that `evaluate` compares, by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Protocol

from fusionlog.distillation.base import FitAll
from fusionlog.distillation.sources import Source
from fusionlog.embedding import NamedEncode, VectorCache
from fusionlog.evaluation.protocol import Fold, Result
from fusionlog.labeling.teacher import Teacher
from fusionlog.settings import Settings


@dataclass(frozen=True, eq=False)
class Bench:
    """What a method may use. `teacher` is asked by its `label`; `fits` trains (seeded by `settings.distill.seed`).

    The sources come with their labels; of the target there is the fold, which has none.
    """

    settings: Settings
    sources: Sequence[Source]
    encode: NamedEncode
    cache: VectorCache
    fits: FitAll
    teacher: Teacher | None = None


class Method(Protocol):
    """A method: adapts on one half of a fold and gives its verdicts on the other."""

    async def __call__(self, fold: Fold, bench: Bench) -> Result:
        """Verdicts on every session of both halves."""
        ...


METHODS: Mapping[str, Method] = MappingProxyType({})
