"""Who wrote a line, by its envelope: what identifies one stream of lines within a partition.

The most specific of: container of a pod, container, file of a host, unit and process of a host, program of a host,
host. Loki's labels are an identity by themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from fusionlog.utils.json_format import Tree

Writer = Callable[[Tree], str | None]

STREAMS = ("stdout", "stderr")

POD_FIELDS = ("kubernetes.pod_name", "kubernetes.pod.name", "k8s.pod.name")
_NAMESPACE = (
    "kubernetes.namespace_name", "kubernetes.namespace", "kubernetes.pod_namespace", "k8s.namespace.name",
)  # fmt: skip
_POD_CONTAINER = ("kubernetes.container_name", "kubernetes.container.name", "k8s.container.name")
_CONTAINER = (
    "container_id", "container.id", "docker.container_id", "CONTAINER_ID_FULL", "CONTAINER_ID", "_container_id",
    "container_name", "container.name", "_container_name",
)  # fmt: skip
_STREAM = ("stream", "source", "log.iostream")
HOST_FIELDS = ("host.name", "host.hostname", "host", "hostname", "_HOSTNAME", "agent.hostname", "beat.hostname")
FILE_FIELDS = ("log.file.path", "log.file.name")
_PROGRAM = (
    "_SYSTEMD_UNIT", "SYSLOG_IDENTIFIER", "_COMM", "programname", "app-name", "appname", "app_name", "syslogtag",
    "ident", "process.name", "_facility", "service.name", "logStream", "tag",
)  # fmt: skip
_PROCESS = ("_PID", "procid", "process.pid", "pid", "service.instance.id")
_MARKED_FILES = {"source_type": "file", "@version": "path"}
"""Fields that are a log file's path beside the mark of a shipper; an application has its own use for them."""


Path = tuple[str, ...]
"""The names on the way to a field, from the outside in."""


class _Paths(NamedTuple):
    """Where the envelopes of a shape may have each part of an identity."""

    pod: tuple[Path, ...]
    namespace: tuple[Path, ...]
    pod_container: tuple[Path, ...]
    container: tuple[Path, ...]
    file: tuple[Path, ...]
    host: tuple[Path, ...]
    program: tuple[Path, ...]
    process: tuple[Path, ...]
    stream: tuple[Path, ...]


def writer_of(names: frozenset[str]) -> Writer | None:
    """The function that computes the identity of a line's writer from an envelope with these fields; None: nothing can.

    It returns None where the fields have no value.
    """
    files = FILE_FIELDS + tuple(field for mark, field in _MARKED_FILES.items() if mark in names)
    wanted = (POD_FIELDS, _NAMESPACE, _POD_CONTAINER, _CONTAINER, files, HOST_FIELDS, _PROGRAM, _PROCESS, _STREAM)
    paths = _Paths(*(tuple(present(each, names)) for each in wanted))
    if not names.isdisjoint(("line", "entry")) and not names.isdisjoint(("labels", "stream")):
        return _labels
    identities = {path for each in paths[:-2] for path in each}
    if not identities:
        return None
    # Under `log` Filebeat has the file, and Fluent Bit the line.
    only_log = all(path[0] == "log" and len(path) > 1 for path in identities)

    def general(tree: Tree) -> str | None:
        if only_log and not isinstance(tree.get("log"), dict):
            return None
        return _container(tree, paths) or _on_host(tree, paths)

    return _pod_first(general) if "kubernetes" in names else general


def _pod_first(general: Writer) -> Writer:
    """The way of Fluent Bit's records, which are most, ahead of the general one."""

    def writer(tree: Tree) -> str | None:
        node, stream = tree.get("kubernetes"), tree.get("stream")
        if isinstance(node, dict) and stream in STREAMS:
            namespace, pod = node.get("namespace_name"), node.get("pod_name")
            container = node.get("container_name")
            if namespace and pod and container:
                return f"{namespace}/{pod}/{container}/{stream}"
        return general(tree)

    return writer


def present(fields: Iterable[str], names: frozenset[str]) -> Iterator[Path]:
    """The paths of the fields of which a shape has the first name: the whole field, or a part of it up to a dot."""
    for field in fields:
        parts = field.split(".")
        for count in range(len(parts), 0, -1):
            if ".".join(parts[:count]) in names:
                yield (".".join(parts[:count]), *parts[count:])
                break


def _labels(tree: Tree) -> str | None:
    """Loki's labels, of which its clients have a line's: each set is a stream of lines."""
    labels = tree.get("labels")
    labels = tree.get("stream") if not isinstance(labels, dict) else labels
    if not isinstance(labels, dict):
        return None
    return "/".join(f"{name}={value}" for name, value in sorted(labels.items()) if isinstance(value, str)) or None


def _container(tree: Tree, paths: _Paths) -> str | None:
    pod = first_of(tree, paths.pod)
    if pod is not None:
        return _joined(first_of(tree, paths.namespace), pod, first_of(tree, paths.pod_container), _stream(tree, paths))
    container = first_of(tree, paths.container)
    return _joined(container, _stream(tree, paths)) if container else None


def _on_host(tree: Tree, paths: _Paths) -> str | None:
    host, file = first_of(tree, paths.host), first_of(tree, paths.file)
    if file:
        return _joined(host, file, _stream(tree, paths))
    program = first_of(tree, paths.program)
    if program:
        return _joined(host, program, first_of(tree, paths.process), _stream(tree, paths))
    return _joined(host, _stream(tree, paths)) if host else None


def _joined(*names: str | None) -> str:
    return "/".join([name for name in names if name])


def _stream(tree: Tree, paths: _Paths) -> str | None:
    stream = first_of(tree, paths.stream)
    return stream if stream in STREAMS else None


def first_of(tree: Tree, paths: tuple[Path, ...]) -> str | None:
    """The first of the fields that has a text or a whole number: not a blank one, nor the `-` of syslog."""
    for path in paths:
        value = tree.get(path[0])
        for name in path[1:]:
            value = value.get(name) if isinstance(value, dict) else None
        if value and (type(value) is str or type(value) is int) and value != "-":
            return str(value)
    return None
