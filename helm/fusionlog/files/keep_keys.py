"""The pod that makes the signing keys of a release, once, and keeps them as secrets; or that deletes them.

Arguments: `make` or `delete`, the prefix of the objects' names. A private key is a secret PREFIX-key-SIGNER, the public
ones are the config map PREFIX-public-keys. It comes last, so that it is there only where all keys are.
"""

import json
import os
import ssl
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
SIGNERS = ("trainer", "label", "score", "operator")
APPLY = "application/apply-patch+yaml"
Send = Callable[[str, str, Mapping[str, Any] | None], int]
"""Method, place below the namespace, object; the status of the answer."""


def main() -> None:
    """Make the keys, or delete them."""
    action, prefix = sys.argv[1:]
    send = client(*account())
    print(delete(send, prefix) if action == "delete" else make(send, prefix))


def account() -> tuple[str, str, ssl.SSLContext]:
    """The address of the namespace at the API server, the pod's token, and the authority."""
    namespace = (ACCOUNT / "namespace").read_text()
    host = os.environ["KUBERNETES_SERVICE_HOST"]
    place = f"[{host}]" if ":" in host else host
    url = f"https://{place}:{os.environ['KUBERNETES_SERVICE_PORT']}/api/v1/namespaces/{namespace}"
    return url, (ACCOUNT / "token").read_text(), ssl.create_default_context(cafile=str(ACCOUNT / "ca.crt"))


def client(url: str, token: str, context: ssl.SSLContext | None) -> Send:
    """A function that sends a request to the API server."""

    def send(method: str, place: str, body: Mapping[str, Any] | None = None) -> int:
        headers = {"Authorization": f"Bearer {token}", "Content-Type": APPLY}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{url}/{place}", data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30, context=context) as response:
                return int(response.status)
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return 404
            sys.exit(f"the API server answers {error.code} to {method} {place}: {error.read()[:500]!r}")

    return send


def make(send: Send, prefix: str) -> str:
    """Make the keys where they are not there yet."""
    if send("GET", f"configmaps/{prefix}-public-keys", None) != 404:
        return "the keys are there"
    with tempfile.TemporaryDirectory() as directory:
        command = [sys.executable, "-m", "fusionlog", "keys", "generate", "--dir", directory]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        for place, body in objects(Path(directory), prefix):
            send("PATCH", f"{place}?fieldManager=fusionlog-keys&force=true", body)
    return "the keys are made"


def delete(send: Send, prefix: str) -> str:
    """Delete the keys."""
    for place in (f"configmaps/{prefix}-public-keys", *(f"secrets/{prefix}-key-{signer}" for signer in SIGNERS)):
        send("DELETE", place, None)
    return "the keys are deleted"


def objects(directory: Path, prefix: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """The objects that hold the keys of a directory, each with its place."""
    for signer in SIGNERS:
        data = {"key.pem": (directory / f"{signer}.pem").read_text()}
        yield _object("Secret", "secrets", f"{prefix}-key-{signer}", {"stringData": data})
    data = {"public-keys.json": (directory / "public-keys.json").read_text()}
    yield _object("ConfigMap", "configmaps", f"{prefix}-public-keys", {"data": data})


def _object(kind: str, place: str, name: str, content: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    labels = {"app.kubernetes.io/name": "fusionlog", "app.kubernetes.io/component": "keys"}
    metadata = {"name": name, "labels": labels}
    return f"{place}/{name}", {"apiVersion": "v1", "kind": kind, "metadata": metadata, **content}


if __name__ == "__main__":
    main()
