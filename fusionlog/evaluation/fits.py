"""Fits in this process, on one thread. A model that was trained on the same examples before is not trained again."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b

import numpy as np

from fusionlog.detector.examples import Example
from fusionlog.errors import MissingExtraError
from fusionlog.parsing.memo import Memo
from fusionlog.settings import BaseTraining, DistillSettings

REMEMBERED = 200
"""Models kept, about 100 kB each: the two of a base for each seed and choice of sources are what must be among them."""


class Fits:
    """The fits of an evaluation.

    :param target: unlabelled windows of a target, which a domain head tries to tell from the examples.
    """

    def __init__(
        self, settings: DistillSettings, target: Sequence[Example] = (), memo: Memo[bytes, bytes] | None = None
    ) -> None:
        self._settings, self._target = settings, target
        self._memo: Memo[bytes, bytes] = Memo(REMEMBERED) if memo is None else memo

    def of(self, settings: DistillSettings, target: Sequence[Example] = (), /) -> Fits:
        """Fits under other settings, with the same memory."""
        return Fits(settings, target, self._memo)

    def __call__(self, jobs: Sequence[Sequence[Example]], how: BaseTraining = "erm", /) -> list[bytes]:
        """A model as ONNX for each set of examples, one after the other.

        :raises MissingExtraError: torch is not installed.
        """
        return [self._one(examples, how) for examples in jobs]

    def _one(self, examples: Sequence[Example], how: BaseTraining) -> bytes:
        key = self._key(examples, how)
        made = self._memo.get(key)
        if made is None:
            made = _fit(examples, self._settings, how, self._target)
            self._memo.put(key, made)
        return made

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
        from fusionlog.detector.fits import model
    except ModuleNotFoundError as error:
        raise MissingExtraError(error.name or "torch", "train", "training a model") from error
    return model(examples, settings, how, target)
