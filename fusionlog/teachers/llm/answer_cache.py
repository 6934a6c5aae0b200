"""Answers that were paid for, kept by what was asked."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from hashlib import blake2b

import msgspec

from fusionlog.teachers.base import Unit, Verdict
from fusionlog.teachers.few_shot import FewShotExample

DEFAULT_ENTRIES = 10_000
"""A verdict of ten events takes about 5 kB, so 50 MB at most."""


def key(unit: Unit, model: str, examples: Sequence[FewShotExample] = ()) -> bytes:
    """A hash of all that an answer depends on: the system, what the operator said of it, the model, the events, and the
    examples that were shown."""
    return blake2b(msgspec.json.encode((model, unit, examples)), digest_size=16).digest()


class AnswerCache:
    """The last `entries` verdicts by key; the one unused for the longest leaves. Errors are never kept."""

    def __init__(self, entries: int = DEFAULT_ENTRIES) -> None:
        self.entries = entries
        self._kept: OrderedDict[bytes, Verdict] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, key: bytes) -> Verdict | None:
        """The verdict kept under a key."""
        verdict = self._kept.get(key)
        if verdict is not None:
            self._kept.move_to_end(key)
        return verdict

    def put(self, key: bytes, verdict: Verdict) -> None:
        """Keep a verdict."""
        self._kept[key] = verdict
        self._kept.move_to_end(key)
        while len(self._kept) > self.entries:
            self._kept.popitem(last=False)
