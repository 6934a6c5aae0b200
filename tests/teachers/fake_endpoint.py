"""A small OpenAI-compatible endpoint on loopback that misbehaves on demand.

It calls a unit anomalous when a text of it holds `failed`, and answers each call by the next behaviour of its script;
when the script is over, well. What it was sent is kept in `requests`.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Reply:
    """How one call is answered: an error status, a change to the right text, or a whole body, after a pause."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    error: dict[str, Any] = field(default_factory=lambda: {"message": "no", "type": "error"})
    change: Callable[[list[dict[str, Any]]], Any] = lambda answers: {"answers": answers}
    seconds: float = 0.0
    page: bool = False
    hang_up: bool = False
    body: bytes | None = None


GOOD = Reply()
TRUNCATED = Reply(change=lambda answers: json.dumps(answers)[: len(json.dumps(answers)) * 3 // 4])
PROSE = Reply(change=lambda answers: "Sure! Here you are:\n" + json.dumps(answers) + "\nAnything else?")
BARE = Reply(change=lambda answers: answers)
FENCED = Reply(change=lambda answers: f"<think>hm</think>\n```json\n{json.dumps(answers)}\n```")


class FakeEndpoint(ThreadingHTTPServer):
    """The server; `url` is its base URL, `script` the behaviours to come."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.script: list[Reply] = []
        self.otherwise = GOOD
        self.answers: Callable[[dict[str, Any]], list[dict[str, Any]]] = judgements
        self.accepts: Callable[[dict[str, Any]], Reply | dict[str, Any] | None] = lambda request: None
        self.requests: list[dict[str, Any]] = []
        self.keys: list[str | None] = []
        self.lock = threading.Lock()
        self.url = f"http://127.0.0.1:{self.server_port}/v1"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that has gone is what the timeout tests are about."""

    def units(self, call: int) -> list[dict[str, Any]]:
        """The units of a call."""
        return units_of(self.requests[call])

    def next_reply(self, request: dict[str, Any], key: str | None) -> Reply:
        with self.lock:
            self.requests.append(request)
            self.keys.append(key)
            refusal = self.accepts(request)
            if refusal is not None:
                return refusal if isinstance(refusal, Reply) else Reply(status=400, error=refusal)
            return self.script.pop(0) if self.script else self.otherwise


@contextmanager
def fake_endpoint() -> Iterator[FakeEndpoint]:
    server = FakeEndpoint()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def units_of(request: dict[str, Any]) -> list[dict[str, Any]]:
    """The units of a request, as the protocol says: the JSON array that the last user message ends with."""
    content = [message["content"] for message in request["messages"] if message["role"] == "user"][-1]
    found: list[dict[str, Any]] = json.loads(content.splitlines()[-1])
    return found


def judgements(request: dict[str, Any]) -> list[dict[str, Any]]:
    """A verdict on each unit of a request."""
    return [judge(unit) for unit in units_of(request)]


def judge(unit: dict[str, Any]) -> dict[str, Any]:
    events = [{"id": event["id"], **_said(event["text"])} for event in unit["events"]]
    whole = "failed" if any(event["label"] == "anomalous" for event in events) else ""
    return {**_said(whole), "events": events}


def _said(text: str) -> dict[str, Any]:
    return {"label": "anomalous" if "failed" in text else "normal", "confidence": 0.9, "reason": f"it says {text[:20]}"}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: FakeEndpoint

    def log_message(self, *_: Any) -> None:
        pass

    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        reply = self.server.next_reply(request, self.headers["Authorization"])
        time.sleep(reply.seconds)
        if reply.hang_up:
            self.close_connection = True
        elif reply.body is not None:
            self._send(reply.status, reply.body, reply.headers)
        elif reply.page:
            self._send(200, b"<html>hello</html>", {"Content-Type": "text/html"})
        elif reply.status != 200:
            self._send(reply.status, json.dumps({"error": reply.error}).encode(), reply.headers)
        else:
            content = reply.change(self.server.answers(request))
            self._send(200, json.dumps(_completion(content)).encode(), reply.headers)

    def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


def _completion(content: Any) -> dict[str, Any]:
    text = content if isinstance(content, str) or content is None else json.dumps(content)
    message = {"role": "assistant", "content": text}
    return {
        "id": "x", "object": "chat.completion", "created": 1, "model": "tiny",
        "choices": [{"index": 0, "finish_reason": "stop", "message": message}],
        "usage": {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110},
    }  # fmt: skip
