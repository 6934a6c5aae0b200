"""A cache of the LLM teacher's verdicts, by a hash of what an answer depends on."""

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
    """A hash of model, unit (system, description, policy, events) and examples.

    What stands beside a unit is not in it: counts change with every window, so that no question would come twice, and
    a window that was given up could be asked about without end. A label counts for its shape whatever came since.
    """
    return blake2b(msgspec.json.encode((model, unit.alone, examples)), digest_size=16).digest()


class AnswerCache:
    """At most `entries` verdicts by key; the least recently used one is evicted. Errors are never cached."""

    def __init__(self, entries: int = DEFAULT_ENTRIES) -> None:
        self.entries = entries
        self._cached: OrderedDict[bytes, Verdict] = OrderedDict()

    def __len__(self) -> int:
        return len(self._cached)

    def get(self, key: bytes) -> Verdict | None:
        """The verdict under a key; None where there is none."""
        verdict = self._cached.get(key)
        if verdict is not None:
            self._cached.move_to_end(key)
        return verdict

    def put(self, key: bytes, verdict: Verdict) -> None:
        """Cache a verdict."""
        self._cached[key] = verdict
        self._cached.move_to_end(key)
        while len(self._cached) > self.entries:
            self._cached.popitem(last=False)

    def drop(self, key: bytes) -> None:
        """Drop the verdict under a key, where there is one."""
        self._cached.pop(key, None)
