"""A trainer in this process, on one thread, with a cache: equal examples and settings are trained on once."""

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
"""Cached models, about 100 kB each; enough for the two of a base release for each seed and choice of sources."""


@dataclass
class Fitted:
    """A trained model as ONNX, and the seconds of its training."""

    onnx: bytes
    seconds: float


@dataclass
class Saved:
    """The account of a run: seconds of training that the cache saved it."""

    seconds: float = 0.0


class LocalTrainer:
    """Trains the models of an evaluation.

    :param target: unlabelled windows of a target, which a domain head learns to separate from the examples.
    :param saved: counts the seconds that the cache saves, so that they can be added to a run's training time.
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
        """A trainer under other settings, with the same cache and the same account."""
        return LocalTrainer(settings, target, self._cache, self.saved)

    def uncounted(self) -> LocalTrainer:
        """The same trainer with a new account, for a new run or for fits that count for no run."""
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
        """A hash of everything that a fit depends on."""
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
