"""The host and the file of a line by its envelope: where an operator finds it."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from fusionlog.parsing.envelopes.raw_line import RawLine
from fusionlog.parsing.envelopes.writers import FILE_FIELDS, HOST_FIELDS, POD_FIELDS, Path, first_of, present
from fusionlog.utils.bounded_cache import BoundedCache
from fusionlog.utils.json_format import Tree

MAX_NAME_CHARS = 200
KNOWN_WRITERS = 1_000
_NODE = (
    "kubernetes.host", "kubernetes.node.name", "kubernetes.node_name", "kubernetes.pod_node_name", "k8s.node.name",
    "_HOSTNAME", "_hostname", "hostName", "computer", "instance", "node", "nodename",
)  # fmt: skip
_HOSTS = (*HOST_FIELDS, *_NODE, *POD_FIELDS)
_LABELS = ("labels", "stream", "resource")
_FILES = (*FILE_FIELDS, "log.file", "file", "filename", "path", "source")
_KNOWN = frozenset(
    ".".join(parts[:count])
    for field in (*_HOSTS, *_FILES)
    if (parts := field.split("."))
    for count in range(1, len(parts) + 1)
)
"""Names at the top of an envelope that a place may stand below."""


class LinePlace(NamedTuple):
    """The host and the file of a line; empty where its envelope has none. Of a pod without a node it is the pod."""

    host: str = ""
    file: str = ""


NOWHERE = LinePlace()


def place_of(fields: Tree | None) -> LinePlace:
    """The place of a line with an envelope of these fields; `NOWHERE` where they have neither a host nor a file."""
    if not fields:
        return NOWHERE
    host, file = _names_in(fields)
    for name in _LABELS:
        labels = fields.get(name)
        if not (host and file) and isinstance(labels, dict):
            other = _names_in(labels)
            host, file = host or other[0], file or other[1]
    return _shared(host, file) if host or file else NOWHERE


def _names_in(fields: Tree) -> tuple[str, str]:
    hosts, files = _paths(_KNOWN.intersection(fields))
    host, file = first_of(fields, hosts) or "", first_of(fields, files) or ""
    return host[:MAX_NAME_CHARS], file[:MAX_NAME_CHARS] if _is_path(file) else ""


@lru_cache(1_000)
def _paths(names: frozenset[str]) -> tuple[tuple[Path, ...], tuple[Path, ...]]:
    """Where envelopes with these fields may have a host, and a file."""
    return tuple(present(_HOSTS, names)), tuple(present(_FILES, names))


@lru_cache(4_000)
def _shared(host: str, file: str) -> LinePlace:
    """One object for each place: many open windows have it."""
    return LinePlace(host, file)


def _is_path(text: str) -> bool:
    return "/" in text or "\\" in text or "." in text


class LinePlaces:
    """The places of a partition's lines. That of a writer whose identity determines its host is looked up once.

    A container's name, for one, does not: each host may have one of that name.
    """

    def __init__(self) -> None:
        self._known: BoundedCache[str, LinePlace] = BoundedCache(KNOWN_WRITERS)

    def of(self, line: RawLine | None) -> LinePlace:
        """The place of a line; `NOWHERE` of one without an envelope."""
        if line is None or not line.fields:
            return NOWHERE
        source = line.source
        found = self._known.get(source) if source is not None else None
        if found is None:
            found = place_of(line.fields)
            if (
                source
                and len(source) <= 2 * MAX_NAME_CHARS
                and ("kubernetes" in line.fields or (found.host and source.startswith(found.host)))
            ):
                self._known.put(source, found)
        return found
