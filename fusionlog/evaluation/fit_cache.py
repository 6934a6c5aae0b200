"""Fits in this process, on one thread. A model that was trained on the same examples before is not trained again."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np

from fusionlog.detector.examples import Example
from fusionlog.errors import MissingExtraError
from fusionlog.settings import BaseTraining, DistillSettings
from fusionlog.utils.bounded_cache import BoundedCache

REMEMBERED = 200
"""Models kept, about 100 kB each: the two of a base for each seed and choice of sources are what must be among them."""


@dataclass
class Fitted:
    """A model, and the seconds that its training took."""

    onnx: bytes
    seconds: float


@dataclass
class Saved:
    """Seconds that a run did not spend, because another one had trained the same model."""

    seconds: float = 0.0


class LocalTrainer:
    """The fits of an evaluation.

    :param target: unlabelled windows of a target, which a domain head tries to tell from the examples.
    :param saved: where what remembering saves is counted, so that a run can be charged for it.
    """

    def __init__(
        self,
        settings: DistillSettings,
        target: Sequence[Example] = (),
        cache: BoundedCache[bytes, Fitted] | None = None,
        saved: Saved | None = None,
    ) -> None:
        self._settings, self._target = settings, target
        self._cache: BoundedCache[bytes, Fitted] = BoundedCache(REMEMBERED) if cache is None else cache
        self.saved = Saved() if saved is None else saved

    def with_settings(self, settings: DistillSettings, target: Sequence[Example] = (), /) -> LocalTrainer:
        """Fits under other settings, with the same memory and the same account."""
        return LocalTrainer(settings, target, self._cache, self.saved)

    def uncounted(self) -> LocalTrainer:
        """The same fits with an account of their own: a new run's, or one that nobody is charged for."""
        return LocalTrainer(self._settings, self._target, self._cache)

    def __call__(self, jobs: Sequence[Sequence[Example]], how: BaseTraining = "erm", /) -> list[bytes]:
        """A model as ONNX for each set of examples, one after the other.

        :raises MissingExtraError: torch is not installed.
        """
        return [self._one(examples, how) for examples in jobs]

    def _one(self, examples: Sequence[Example], how: BaseTraining) -> bytes:
        key = self._key(examples, how)
        known = self._cache.get(key)
        if known is not None:
            self.saved.seconds += known.seconds
            return known.onnx
        began = time.perf_counter()
        made = Fitted(_fit(examples, self._settings, how, self._target), time.perf_counter() - began)
        self._cache.put(key, made)
        return made.onnx

    def _key(self, examples: Sequence[Example], how: BaseTraining) -> bytes:
        """A hash of all that a fit depends on."""
        digest = blake2b(f"{how} {self._settings.model_dump_json()}".encode(), digest_size=16)
        for part in (examples, self._target):
            digest.update(fingerprint(part))
        return digest.digest()


def fingerprint(examples: Sequence[Example]) -> bytes:
    """A hash of examples."""
    digest = blake2b(digest_size=16)
    for example in examples:
        order = np.empty(0, dtype=np.int64) if example.order is None else example.order
        digest.update(f"{example.system} {example.probability} {example.weight} {example.order is None}".encode())
        for values in (example.counts, example.event_probabilities, example.vectors, order):
            digest.update(len(values).to_bytes(4, "big") + np.ascontiguousarray(values).tobytes())
    return digest.digest()


def _fit(examples: Sequence[Example], settings: DistillSettings, how: BaseTraining, target: Sequence[Example]) -> bytes:
    try:
        from fusionlog.detector.fitting import model
    except ModuleNotFoundError as error:
        raise MissingExtraError(error.name or "torch", "train", "training a model") from error
    return model(examples, settings, how, target)
