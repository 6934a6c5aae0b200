"""Who wrote a line, by its envelope: what identifies one stream of lines within a partition.

The most specific of: container of a pod, container, file of a host, unit and process of a host, program of a host,
host.
"""

from __future__ import annotations

from collections.abc import Iterator

from fusionlog.utils.json_format import Tree, value_at

_POD = ("kubernetes.pod_name", "kubernetes.pod.name", "resource.k8s.pod.name")
_NAMESPACE = (
    "kubernetes.namespace_name", "kubernetes.namespace", "kubernetes.pod_namespace", "resource.k8s.namespace.name",
)  # fmt: skip
_POD_CONTAINER = ("kubernetes.container_name", "kubernetes.container.name", "resource.k8s.container.name")
_CONTAINER = (
    "container_id", "container.id", "docker.container_id", "CONTAINER_ID_FULL", "CONTAINER_ID", "_container_id",
    "resource.container.id", "container_name", "container.name", "_container_name", "resource.container.name",
)  # fmt: skip
_STREAM = ("stream", "source", "log.iostream", "attributes.log.iostream")
_STREAMS = frozenset({"stdout", "stderr"})
_HOST = (
    "host.name", "host.hostname", "host", "hostname", "_HOSTNAME", "agent.hostname", "beat.hostname",
    "resource.host.name",
)  # fmt: skip
_FILE = ("log.file.path", "attributes.log.file.path", "log.file.name", "attributes.log.file.name")
_UNIT = ("_SYSTEMD_UNIT", "SYSLOG_IDENTIFIER", "_COMM")
_PROGRAM = (
    "programname", "app-name", "appname", "app_name", "syslogtag", "ident", "syslog.appname", "process.name",
    "_facility", "service.name", "resource.service.name",
)  # fmt: skip
_PROCESS = (
    "_PID", "procid", "process.pid", "pid", "syslog.procid", "service.instance.id", "resource.service.instance.id",
)  # fmt: skip

_MARKED_FILES = {"source_type": "file", "@version": "path", "labels": "labels.filename"}
"""Fields that are a log file's path beside the mark of a shipper; an application has its own use for them."""


def source_of(tree: Tree) -> str | None:
    """The identity of a line's writer; None where the envelope has nothing that identifies it."""
    parts = _container(tree) or _on_host(tree)
    return "/".join(parts) if parts else None


def _container(tree: Tree) -> list[str]:
    pod = _first(tree, _POD)
    names = [_first(tree, _NAMESPACE), pod, _first(tree, _POD_CONTAINER)] if pod else [_first(tree, _CONTAINER)]
    return _joined(names, tree)


def _on_host(tree: Tree) -> list[str]:
    file = _file(tree)
    program = file or _first(tree, _UNIT) or _first(tree, _PROGRAM)
    process = _first(tree, _PROCESS) if program and not file else None
    return _joined([_first(tree, _HOST), program, process], tree)


def _joined(names: list[str | None], tree: Tree) -> list[str]:
    """The names there are, and the stream; a stream alone identifies nobody."""
    found = [name for name in names if name]
    stream = _stream(tree) if found else None
    return [*found, stream] if stream else found


def _file(tree: Tree) -> str | None:
    marked = next((field for mark, field in _MARKED_FILES.items() if mark in tree), None)
    return _first(tree, _FILE) or (_first(tree, (marked,)) if marked else None)


def _stream(tree: Tree) -> str | None:
    return next((value for value in _values(tree, _STREAM) if value in _STREAMS), None)


def _first(tree: Tree, fields: tuple[str, ...]) -> str | None:
    return next(_values(tree, fields), None)


def _values(tree: Tree, fields: tuple[str, ...]) -> Iterator[str]:
    """The texts and whole numbers of the fields, blank ones and the `-` of syslog left out."""
    for field in fields:
        value = value_at(tree, field)
        if isinstance(value, str | int) and not isinstance(value, bool) and value not in ("", "-"):
            yield str(value)
