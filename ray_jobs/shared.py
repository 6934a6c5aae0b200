"""What the tasks of a job share, once in the object store: labelled sources, and the vectors of their events.

Texts are encoded by tasks, in parallel. Every task of a node reads the table of vectors from the same memory, and a
worker process turns the sources into examples once, for all tasks that it runs.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple, Protocol

import numpy as np
import ray

from fusionlog.data.sources import Source, SourceExamples, source_examples
from fusionlog.embedding.encoder import CACHED_VECTORS, Encoder, VectorCache, find_encoder
from fusionlog.records import BankEvent, ModelRelease
from fusionlog.releases import bank_vectors
from fusionlog.settings import Settings, SystemSettings
from fusionlog.types import DetectorName, FloatArray
from ray_jobs.material import pack, unpack

CHUNK_TEXTS = 64
"""Texts that one task encodes: about half a second of a core."""

Texts = Mapping[str, str]
"""Events' texts by template."""


@dataclass(frozen=True)
class PackedSource:
    """A labelled source on its way to a task: its windows are compressed."""

    system: str
    windows: bytes
    anomalous: Mapping[str, bool]
    settings: SystemSettings

    @classmethod
    def of(cls, source: Source) -> PackedSource:
        """The source, packed."""
        return cls(source.system, pack(source.windows), source.anomalous, source.settings)

    def unpacked(self) -> Source:
        """The source."""
        return Source(self.system, unpack(self.windows), self.anomalous, self.settings)


@dataclass(frozen=True, eq=False)
class Vectors:
    """Events' vectors, `[templates, dim]`, in the order of the templates."""

    templates: Sequence[str]
    texts: Sequence[str]
    table: FloatArray

    def into(self, cache: VectorCache) -> None:
        """Add them to a cache."""
        events = (BankEvent(system="", template=each, text="", probability=0.0) for each in self.templates)
        cache.remember(list(events), self.table)

    def by_text(self) -> dict[str, FloatArray]:
        """The vectors by text, as rows of the table."""
        return dict(zip(self.texts, self.table, strict=True))


@dataclass(frozen=True, eq=False)
class Shared:
    """The labelled sources of a job, and their events' vectors."""

    sources: Sequence[PackedSource]
    vectors: Vectors


class Readable(Hashable, Protocol):
    """A place that a task reads a value from, and by which a worker process finds what it made of it."""

    def read(self) -> Any:
        """The value."""


class Reference(NamedTuple):
    """A place in the object store that is passed on as it is: Ray replaces a bare argument by its value."""

    place: Any

    def read(self) -> Any:
        """What is there."""
        return ray.get(self.place)


class Held(NamedTuple):
    """A value in this process, in place of one in the object store; its name stands for it."""

    name: str
    value: Any

    def read(self) -> Any:
        """The value."""
        return self.value

    def __hash__(self) -> int:
        return hash(self.name)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Held) and other.name == self.name and other.value is self.value


def put(value: object) -> Reference:
    """Put a value into the object store."""
    return Reference(ray.put(value))


@lru_cache(maxsize=2)
def encoder_of(settings: Settings, threads: int) -> Encoder:
    """The encoder of this process: a worker loads it once for all tasks that it runs."""
    return Encoder(find_encoder(settings), threads)


@ray.remote(num_cpus=1, max_retries=3)
def encoded(texts: Sequence[str], settings: Settings) -> FloatArray:
    """The vectors of texts, `[texts, dim]`."""
    return encoder_of(settings, 1)(texts)


def encode(texts: Texts, settings: Settings, known: Texts | None = None, vectors: FloatArray | None = None) -> Vectors:
    """The vectors of events, made by tasks; what is known already is taken over.

    :param settings: without secrets.
    :param known: events whose vectors there are, in the order of `vectors`.
    """
    known = known or {}
    missing = sorted((each for each in texts if each not in known), key=lambda each: (len(texts[each]), each))
    chunks = [missing[start : start + CHUNK_TEXTS] for start in range(0, len(missing), CHUNK_TEXTS)]
    made: list[FloatArray] = ray.get([encoded.remote([texts[each] for each in chunk], settings) for chunk in chunks])
    rows = [place for place, each in enumerate(known) if each in texts]
    kept = [each for each in known if each in texts]
    parts = [*([vectors[rows]] if vectors is not None and rows else []), *made]
    templates = [*kept, *missing]
    table = np.concatenate(parts) if parts else np.zeros((0, 0), dtype=np.float32)
    return Vectors(templates, [texts[each] for each in templates], table)


def texts_of(sources: Iterable[Source]) -> dict[str, str]:
    """The texts of the events of some sources, by template."""
    return {event.template: event.text for source in sources for window in source.windows for event in window.events}


def bank_texts(releases: Iterable[ModelRelease]) -> tuple[dict[str, str], FloatArray | None]:
    """The events of releases' banks by template, and their vectors in the same order; None where there is none."""
    found: dict[str, str] = {}
    rows: list[FloatArray] = []
    for release in releases:
        for event, vector in zip(release.bank, bank_vectors(release), strict=True):
            if event.template not in found:
                found[event.template] = event.text
                rows.append(vector)
    return found, np.stack(rows) if rows else None


def share(sources: Sequence[Source], releases: Iterable[ModelRelease], settings: Settings) -> Reference:
    """Put sources with their events' vectors into the object store; those of releases' banks are not encoded again."""
    known, vectors = bank_texts(releases)
    packed = [PackedSource.of(source) for source in sources]
    return put(Shared(packed, encode(texts_of(sources), settings, known, vectors)))


@lru_cache(maxsize=1)
def _read(reference: Readable) -> Shared:
    found: Shared = reference.read()
    return found


def vector_cache(reference: Readable, encoder: Encoder) -> VectorCache:
    """A cache that begins with the shared vectors. A task has one of its own: what it computes depends on no other."""
    vectors = _read(reference).vectors
    cache = VectorCache(encoder, CACHED_VECTORS + len(vectors.templates))
    vectors.into(cache)
    return cache


@lru_cache(maxsize=2)
def examples(reference: Readable, detector: DetectorName, settings: Settings) -> list[SourceExamples]:
    """The examples of the shared sources for a detector, made once in this process."""
    shared = _read(reference)
    cache = vector_cache(reference, encoder_of(settings, 1))
    return [source_examples(source.unpacked(), cache, detector) for source in shared.sources]
