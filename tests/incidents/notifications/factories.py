"""Targets, incidents, and an HTTP server that notes what it gets."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from msgspec.structs import replace
from pydantic import SecretStr

from fusionlog.incidents import group
from fusionlog.records import Incident
from fusionlog.settings import Target, TargetSettings
from tests.factories import make_anomaly

NOW = 1_800_000_000.0


def make_target(type: str = "slack", url: str = "http://127.0.0.1:9/T0/secret", **fields: Any) -> Target:
    secrets = {name: SecretStr(fields.pop(name)) for name in ("token", "key") if name in fields}
    settings = TargetSettings.model_validate({"type": type, "url": url, **fields})
    return Target("oncall", settings, SecretStr(url), **secrets)


def make_incident(number: int = 1, **fields: Any) -> Incident:
    """An open incident of severity error."""
    (made,) = group([make_anomaly("disk failed", first_offset=number, started=NOW - 60, ended=NOW - 50)])
    return replace(made, **{"severity": "error", **fields})


@dataclass
class Got:
    """A request that a target got."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class HttpTarget:
    """A server on loopback: `answers` are the statuses, bodies and headers of its next answers, then it accepts."""

    port: int = 0
    got: list[Got] = field(default_factory=list)
    answers: list[tuple[int, str, dict[str, str]]] = field(default_factory=list)
    always: tuple[int, str, dict[str, str]] = (200, "ok", {})
    entered: threading.Event = field(default_factory=threading.Event)
    held: threading.Event | None = None
    """Where it is set, no answer is given before this event."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def bodies(self) -> Sequence[Any]:
        return [each.json for each in self.got]


@contextmanager
def http_target(context: ssl.SSLContext | None = None) -> Iterator[HttpTarget]:
    found = HttpTarget()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            found.got.append(Got(self.path, dict(self.headers), body))
            found.entered.set()
            if found.held is not None:
                found.held.wait(30)
            status, text, headers = found.answers.pop(0) if found.answers else found.always
            self.send_response(status)
            for name, value in {"Content-Length": str(len(text.encode())), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: object) -> None: ...

        def handle(self) -> None:
            with suppress(OSError):
                super().handle()

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    found.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
