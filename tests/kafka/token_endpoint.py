"""An OAuth token endpoint on loopback: it notes its requests, and answers as it is set."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote


class TokenEndpoint:
    """Its client is `id:1` with the secret `hush/5b1e`; `status` and `answer` are those of the next requests."""

    CLIENT, SECRET = "id:1", "hush/5b1e"

    def __init__(self) -> None:
        self.url = ""
        self.requests: list[dict[str, list[str]]] = []
        self.status, self.answer = 200, b""
        self.subject, self.seconds = "me", 3600.0

    def reply(self, authorization: str, body: bytes) -> tuple[int, bytes]:
        """The answer to a request: a token where the client is the right one."""
        self.requests.append(parse_qs(body.decode()))
        client, _, secret = base64.b64decode(authorization.removeprefix("Basic ")).decode().partition(":")
        if (unquote(client), unquote(secret)) != (self.CLIENT, self.SECRET):
            return 401, b'{"error": "invalid_client"}'
        token = {"access_token": unsecured_token(self.subject, self.seconds), "expires_in": self.seconds}
        return self.status, self.answer or json.dumps(token).encode()


def unsecured_token(subject: str, seconds: float) -> str:
    """A JSON web token without a signature, as Kafka accepts it in a development set-up."""
    now = time.time()
    parts: list[dict[str, Any]] = [{"alg": "none"}, {"sub": subject, "iat": now, "exp": now + seconds}]
    return "".join(base64.urlsafe_b64encode(json.dumps(each).encode()).decode().rstrip("=") + "." for each in parts)


@contextmanager
def token_endpoint() -> Iterator[TokenEndpoint]:
    """An endpoint that answers until the end of the context."""
    endpoint = TokenEndpoint()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status, answer = endpoint.reply(self.headers["Authorization"], body)
            self.send_response(status)
            if status in (302, 307):
                self.send_header("Location", "http://127.0.0.1:9/elsewhere")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *args: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    endpoint.url = f"http://127.0.0.1:{server.server_port}/token"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield endpoint
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
