"""Who wrote a line, by its envelope: what identifies one stream of lines within a partition.

The most specific of: container of a pod, container, file of a host, unit and process of a host, program of a host,
host. Loki's labels are an identity by themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from fusionlog.utils.json_format import Tree, value_at

Writer = Callable[[Tree], str | None]

STREAMS = ("stdout", "stderr")

_POD = ("kubernetes.pod_name", "kubernetes.pod.name", "k8s.pod.name")
_NAMESPACE = (
    "kubernetes.namespace_name", "kubernetes.namespace", "kubernetes.pod_namespace", "k8s.namespace.name",
)  # fmt: skip
_POD_CONTAINER = ("kubernetes.container_name", "kubernetes.container.name", "k8s.container.name")
_CONTAINER = (
    "container_id", "container.id", "docker.container_id", "CONTAINER_ID_FULL", "CONTAINER_ID", "_container_id",
    "container_name", "container.name", "_container_name",
)  # fmt: skip
_STREAM = ("stream", "source", "log.iostream")
_HOST = ("host.name", "host.hostname", "host", "hostname", "_HOSTNAME", "agent.hostname", "beat.hostname")
_FILE = ("log.file.path", "log.file.name")
_PROGRAM = (
    "_SYSTEMD_UNIT", "SYSLOG_IDENTIFIER", "_COMM", "programname", "app-name", "appname", "app_name", "syslogtag",
    "ident", "process.name", "_facility", "service.name", "logStream", "tag",
)  # fmt: skip
_PROCESS = ("_PID", "procid", "process.pid", "pid", "service.instance.id")
_MARKED_FILES = {"source_type": "file", "@version": "path"}
"""Fields that are a log file's path beside the mark of a shipper; an application has its own use for them."""


class _Fields(NamedTuple):
    """The fields of a shape that may have each part of an identity."""

    pod: tuple[str, ...]
    namespace: tuple[str, ...]
    pod_container: tuple[str, ...]
    container: tuple[str, ...]
    stream: tuple[str, ...]
    host: tuple[str, ...]
    file: tuple[str, ...]
    program: tuple[str, ...]
    process: tuple[str, ...]


def writer_of(names: frozenset[str]) -> Writer | None:
    """The function that computes the identity of a line's writer from an envelope with these fields; None: nothing can.

    It returns None where the fields have no value.
    """
    files = _FILE + tuple(field for mark, field in _MARKED_FILES.items() if mark in names)
    wanted = (_POD, _NAMESPACE, _POD_CONTAINER, _CONTAINER, _STREAM, _HOST, files, _PROGRAM, _PROCESS)
    fields = _Fields(*(tuple(_present(each, names)) for each in wanted))
    labelled = not names.isdisjoint(("line", "entry")) and not names.isdisjoint(("labels", "stream"))
    if not (labelled or any(fields._replace(stream=(), process=()))):
        return None

    only_log = not labelled and all(
        field not in names and field.startswith("log.") for each in fields for field in each
    )

    def general(tree: Tree) -> str | None:
        # Under `log` Filebeat has the file, and Fluent Bit the line.
        if only_log and not isinstance(tree.get("log"), dict):
            return None
        parts = (_labels(tree) if labelled else []) or _container(tree, fields) or _on_host(tree, fields)
        return "/".join(parts) if parts else None

    return _pod_first(general) if "kubernetes" in names else general


def _pod_first(general: Writer) -> Writer:
    """The way of Fluent Bit's records, which are most, ahead of the general one."""

    def writer(tree: Tree) -> str | None:
        node, stream = tree["kubernetes"], tree.get("stream")
        if isinstance(node, dict) and stream in STREAMS:
            namespace, pod = node.get("namespace_name"), node.get("pod_name")
            container = node.get("container_name")
            if namespace and pod and container:
                return f"{namespace}/{pod}/{container}/{stream}"
        return general(tree)

    return writer


def _present(fields: Iterable[str], names: frozenset[str]) -> Iterator[str]:
    """The fields of which a shape has the first part, which may have dots in it."""
    for field in fields:
        parts = field.split(".")
        if any(".".join(parts[:count]) in names for count in range(1, len(parts) + 1)):
            yield field


def _labels(tree: Tree) -> list[str]:
    """Loki's labels, of which its clients have a line's: each set is a stream of lines."""
    labels = tree.get("labels")
    labels = tree.get("stream") if not isinstance(labels, dict) else labels
    if not isinstance(labels, dict):
        return []
    return [f"{name}={value}" for name, value in sorted(labels.items()) if isinstance(value, str)]


def _container(tree: Tree, fields: _Fields) -> list[str]:
    pod = _first(tree, fields.pod)
    if pod is None:
        return _joined([_first(tree, fields.container)], tree, fields)
    return _joined([_first(tree, fields.namespace), pod, _first(tree, fields.pod_container)], tree, fields)


def _on_host(tree: Tree, fields: _Fields) -> list[str]:
    file = _first(tree, fields.file)
    program = file or _first(tree, fields.program)
    process = _first(tree, fields.process) if program and not file else None
    return _joined([_first(tree, fields.host), program, process], tree, fields)


def _joined(names: list[str | None], tree: Tree, fields: _Fields) -> list[str]:
    """The names there are, and the stream; a stream alone identifies nobody."""
    found = [name for name in names if name]
    streams = [value for field in fields.stream if (value := value_at(tree, field)) in STREAMS] if found else []
    return [*found, *map(str, streams[:1])]


def _first(tree: Tree, fields: tuple[str, ...]) -> str | None:
    """The first of the fields that has a text or a whole number: not a blank one, nor the `-` of syslog."""
    for field in fields:
        value = value_at(tree, field)
        if value and type(value) in (str, int) and value != "-":
            return str(value)
    return None
