"""The shape of an envelope: the names of its fields, in order. Records of one shipper have few shapes."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from fusionlog.parsing.envelopes import batches
from fusionlog.parsing.envelopes.shippers import DOCKER_FIELDS, PARTIAL_FIELDS, TIME_FIELDS
from fusionlog.parsing.envelopes.writers import Writer, writer_of

KNOWN_SHAPES, KNOWN_CHARS = 1_000, 4_000
"""Shapes that are remembered, of so many characters at most."""


class Shape(NamedTuple):
    """What follows from the names of an envelope's fields."""

    times: tuple[str, ...]
    """Its time fields."""

    writer: Writer | None
    """Computes the identity of a line's writer; None: no field has it."""

    pieces: bool
    """Whether its lines may be pieces."""

    batch: bool
    """Whether it holds a list of lines."""


def shape_of(names: tuple[str, ...]) -> Shape:
    """The shape of an envelope by the names of its fields."""
    return _known_shape(names) if len("".join(names)) <= KNOWN_CHARS else _shape(names)


def _shape(names: tuple[str, ...]) -> Shape:
    present = frozenset(names)
    docker = {"log", "stream", "time"} <= present <= DOCKER_FIELDS
    return Shape(
        times=tuple(field for field in TIME_FIELDS if field in present),
        writer=writer_of(present),
        pieces=docker or not PARTIAL_FIELDS.isdisjoint(present) or {"container_id", "source"} <= present,
        batch=not batches.NAMES.isdisjoint(present),
    )


_known_shape = lru_cache(KNOWN_SHAPES)(_shape)
