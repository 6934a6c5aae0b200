"""The pod that makes a release's signing keys: once, whole, and deleted on demand."""

from __future__ import annotations

import json
import runpy
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from fusionlog.signing.key_set import read_key_set
from fusionlog.signing.keys import PrivateKey
from tests.helm.chart import CHART

SCRIPT = runpy.run_path(str(CHART / "files" / "keep_keys.py"))
NAMESPACE = "/api/v1/namespaces/demo"


class Api(HTTPServer):
    """The API server's objects of one namespace, by their place."""

    objects: dict[str, Any]
    refused: str | None


class Handler(BaseHTTPRequestHandler):
    server: Api

    def _answer(self) -> None:
        place = self.path.removeprefix(f"{NAMESPACE}/").split("?")[0]
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        there, status = place in self.server.objects, 200
        if self.server.refused == place or self.headers["Authorization"] != "Bearer token":
            status = 403
        elif self.command == "PATCH":
            assert self.headers["Content-Type"] == "application/apply-patch+yaml" and "fieldManager=" in self.path
            self.server.objects[place] = json.loads(body)
        elif not there:
            status = 404
        elif self.command == "DELETE":
            del self.server.objects[place]
        self.send_response(status)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    do_GET = do_PATCH = do_DELETE = _answer

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def api() -> Iterator[Api]:
    server = Api(("127.0.0.1", 0), Handler)
    server.objects, server.refused = {}, None
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def send(api: Api) -> Any:
    return SCRIPT["client"](f"http://127.0.0.1:{api.server_port}{NAMESPACE}", "token", None)


def test_the_keys_are_made_once_fit_each_other_and_are_deleted_also_where_some_are_gone(
    api: Api, tmp_path: Path
) -> None:
    assert SCRIPT["make"](send(api), "r-fusionlog") == "the keys are made"
    assert list(api.objects)[-1] == "configmaps/r-fusionlog-public-keys"
    (tmp_path / "keys").write_text(api.objects["configmaps/r-fusionlog-public-keys"]["data"]["public-keys.json"])
    public = read_key_set(tmp_path / "keys")
    for signer in ("trainer", "label", "score", "operator"):
        secret = api.objects[f"secrets/r-fusionlog-key-{signer}"]
        assert PrivateKey.of_pem(secret["stringData"]["key.pem"], "S", "x").id in public.of(signer)
    before = json.dumps(api.objects)
    assert SCRIPT["make"](send(api), "r-fusionlog") == "the keys are there"
    assert json.dumps(api.objects) == before
    del api.objects["secrets/r-fusionlog-key-label"]
    SCRIPT["delete"](send(api), "r-fusionlog")
    assert api.objects == {}


def test_keys_that_were_made_in_part_are_made_again(api: Api) -> None:
    api.refused = "secrets/r-fusionlog-key-score"
    with pytest.raises(SystemExit, match="answers 403 to PATCH secrets/r-fusionlog-key-score"):
        SCRIPT["make"](send(api), "r-fusionlog")
    assert "configmaps/r-fusionlog-public-keys" not in api.objects
    api.refused = None
    assert SCRIPT["make"](send(api), "r-fusionlog") == "the keys are made"
