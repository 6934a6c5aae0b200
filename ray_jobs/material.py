"""The material of distillations: labels, windows and releases of all targets of a job, read from Kafka in one pass.

A target's windows are packed in blocks as they come. A block leaves this process at once (`Put`, Ray's object store),
so that the driver holds no more than the open block of each target, however many windows a topic has.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from fusionlog.kafka.table import read_each
from fusionlog.online.operator_verdicts import merged
from fusionlog.records import Feedback, ModelRelease, PseudoLabel, Window
from fusionlog.releases import BASE
from fusionlog.settings import Settings
from ray_jobs import publish

BLOCK_WINDOWS = 256
"""Windows of a block: about half a megabyte, a tenth of it packed."""
LEVEL = 1
"""Of zlib: its least, which is quick."""

Put = Callable[[bytes], Any]
"""Takes a packed block away, and gives what it is found by."""

_ENCODE = msgspec.msgpack.Encoder().encode
_WINDOWS = msgspec.msgpack.Decoder(list[Window])
_LABEL = msgspec.msgpack.Decoder(PseudoLabel)


def pack(windows: Sequence[Window]) -> bytes:
    """Windows as compressed bytes."""
    return zlib.compress(_ENCODE(windows), LEVEL)


def unpack(block: bytes) -> list[Window]:
    """The windows of `pack`, which only this package calls: the bytes are trusted."""
    return _WINDOWS.decode(zlib.decompress(block))


@dataclass(frozen=True)
class Block:
    """Some windows of a target: where they are, their number, their bytes, and the end of the last of them."""

    place: Any
    windows: int
    size: int
    ended: float


class Blocks:
    """The newest windows of a target in blocks.

    :param most: windows that are kept; what is left out are whole blocks, the oldest ones.
    :param put: takes each block.
    """

    def __init__(self, most: int, put: Put) -> None:
        self._most, self._put = most, put
        self._open: list[Window] = []
        self._closed: list[Block] = []
        self.left_out = 0
        """Windows that were left out."""

    def add(self, window: Window) -> None:
        """Add a window."""
        self._open.append(window)
        if len(self._open) >= min(BLOCK_WINDOWS, self._most):
            self._close()

    @property
    def blocks(self) -> list[Block]:
        """The blocks, the last one closed."""
        if self._open:
            self._close()
        return self._closed

    @property
    def windows(self) -> int:
        """The number of windows in them, repeats included."""
        return sum(block.windows for block in self.blocks)

    @property
    def size(self) -> int:
        """Their bytes."""
        return sum(block.size for block in self.blocks)

    def _close(self) -> None:
        packed = pack(self._open)
        ended = max(window.ended for window in self._open)
        self._closed.append(Block(self._put(packed), len(self._open), len(packed), ended))
        self._open = []
        while sum(block.windows for block in self._closed) > self._most and len(self._closed) > 1:
            oldest = min(self._closed, key=lambda block: block.ended)
            self._closed.remove(oldest)
            self.left_out += oldest.windows


def windows_of(blocks: Iterable[bytes]) -> list[Window]:
    """The windows of blocks in the order of their ends; one that was emitted twice is taken once, as it was last."""
    found = {window.id: window for block in blocks for window in unpack(block)}
    return sorted(found.values(), key=lambda window: (window.ended, window.id))


@dataclass(frozen=True)
class Material:
    """What a target's task begins with, but for its windows.

    `labels` are its pseudo-labels, oldest first; `parent` is the release that the next one begins with, None where
    there is none; `withdrawn` is its newest release, where that was withdrawn.
    """

    system: str
    labels: list[PseudoLabel]
    parent: ModelRelease | None
    withdrawn: ModelRelease | None


@dataclass(frozen=True)
class Labels:
    """The labels, operators' verdicts and releases of some targets as Kafka has them; labels are kept as bytes, a fifth
    of their objects."""

    labels: Mapping[str, Mapping[str, bytes]]
    releases: Sequence[ModelRelease]
    feedback: Sequence[Feedback] = ()

    def of(self, system: str) -> Material:
        """The material of one target."""
        labels = [_LABEL.decode(label) for label in self.labels.get(system, {}).values()]
        labels.sort(key=lambda label: (label.labelled_at, label.shape))
        feedback = [each for each in self.feedback if each.system == system]
        return Material(
            system=system,
            labels=merged(labels, feedback),
            parent=publish.parent_of(self.releases, system),
            withdrawn=publish.newest_withdrawn(self.releases, system),
        )


async def read_labels(settings: Settings, systems: Sequence[str]) -> Labels:
    """The labels, operators' verdicts and releases of targets, each topic read once.

    :raises BrokerError: Kafka does not answer, or a topic is missing.
    """
    releases = await publish.read_releases(settings, [*systems, BASE])
    return Labels(await _labels(settings, systems), releases, await _feedback(settings, systems))


async def read_windows(settings: Settings, systems: Sequence[str], put: Put) -> dict[str, Blocks]:
    """The newest windows of systems, whatever their route; each topic is read once.

    Of each partition `FUSIONLOG_DISTILL__RECENT_WINDOWS` records a system are read, and of a system the newest
    `FUSIONLOG_DISTILL__TASK_WINDOWS` windows are kept.

    :raises BrokerError: Kafka does not answer, or a topic is missing.
    """
    found = {system: Blocks(settings.distill.task_windows, put) for system in systems}
    limit = settings.distill.recent_windows * len(found)
    for topic in (settings.topics.general, settings.topics.proprietary) if found else ():
        async for _, window in read_each(settings, topic, keys_of(systems), limit):
            if window is not None and window.system in found:
                found[window.system].add(window)
    return found


async def _labels(settings: Settings, systems: Sequence[str]) -> Mapping[str, Mapping[str, bytes]]:
    """The newest label under each key, by system."""
    found: dict[str, dict[str, bytes]] = {system: {} for system in systems}
    async for key, label in read_each(settings, settings.topics.labels, keys_of(systems)):
        if label is None:
            for labels in found.values():
                labels.pop(key, None)
        elif label.system in found:
            found[label.system].pop(key, None)
            found[label.system][key] = _ENCODE(label)
    return found


async def _feedback(settings: Settings, systems: Sequence[str]) -> list[Feedback]:
    """The operators' verdicts that stand, oldest first."""
    found: dict[str, Feedback | None] = {}
    async for key, each in read_each(settings, settings.topics.feedback, keys_of(systems)):
        found[key] = each
    return sorted((each for each in found.values() if each is not None), key=lambda each: each.at)


def keys_of(systems: Iterable[str]) -> Callable[[str], bool]:
    """Whether a key, `system/...`, is of one of some systems; a system's name may hold a slash itself."""
    names = tuple(f"{system}/" for system in systems)
    short = {name for name in names if name.count("/") == 1}
    long = tuple(name for name in names if name.count("/") > 1)
    return lambda key: key[: key.find("/") + 1] in short or key.startswith(long)
