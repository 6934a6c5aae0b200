"""A secured deployment: a login, a directory of secrets and, where it signs, a key for each role."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import sys
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from unittest import mock

from typer.testing import CliRunner

from fusionlog.cli.main import app
from fusionlog.kafka.acls import principal_of
from fusionlog.settings import Settings, load
from fusionlog.signing.keys import PrivateKey
from fusionlog.signing.kinds import SIGNER_OF
from fusionlog.topics import EVERYONE
from tests.agents.stage import Stage, Worker
from tests.kafka.authorizer import SecureGuardedKafka

INTRUDER = "intruder"
"""A login that may write to the signed topics, and has no key that anybody trusts."""
LOGINS: Mapping[str, str] = {**{who: principal_of(who).removeprefix("User:") for who in EVERYONE}, INTRUDER: INTRUDER}


def make_passwords() -> dict[str, str]:
    """A password for each login."""
    return {user: secrets.token_hex(16) for user in LOGINS.values()}


class Deployment:
    """Roles on a Kafka with TLS, logins and ACLs. No variable of a process holds a secret: files have them all.

    :param directory: of everything but the secrets, which lie in `secrets_directory`.
    """

    def __init__(
        self, directory: Path, secrets_directory: Path, kafka: SecureGuardedKafka, extra: Mapping[str, str]
    ) -> None:
        self.kafka, self.secrets_directory = kafka, secrets_directory
        (directory / "tmp").mkdir()
        self.endpoint_keys = {role: f"sk-{secrets.token_hex(16)}" for role in ("label", "explain")}
        self.ray_token, self.metrics_token = secrets.token_hex(32), secrets.token_hex(16)
        self._make_keys()
        for who in LOGINS:
            self._write_secrets(who)
        kafka_settings = kafka.secured("LOGIN")
        common = {
            "FUSIONLOG_KAFKA__SECURITY_PROTOCOL": "SASL_SSL",
            "FUSIONLOG_KAFKA__SASL_MECHANISM": "SCRAM-SHA-512",
            "FUSIONLOG_KAFKA__SSL_CAFILE": str(kafka.authority.file),
            "FUSIONLOG_SIGNING__PUBLIC_KEYS": str(self.secrets_directory / "keys/public-keys.json"),
            "TMPDIR": str(directory / "tmp"),
        }
        self.stage = Stage(directory / "stage", kafka_settings, extra={**common, **extra, **self.env("cli")})
        """Its own clients are an operator's."""
        self.output: list[str] = []
        """What commands printed."""

    def env(self, who: str) -> dict[str, str]:
        """What is a login's own among the variables of a process."""
        return {"FUSIONLOG_SECRETS_DIR": str(self.secrets_directory / who)}

    def settings(self, who: str) -> Settings:
        """The settings of a process of a login."""
        with mock.patch.dict(os.environ, {**self.stage.env, **self.env(who)}):
            found = load()
            assert found.signatures.verifies and found.systems and found.kafka.sasl_password
            return found

    async def cli(self, who: str, *words: str) -> tuple[int, str]:
        """Run a command with a login; its exit code, and what it printed or failed with."""
        runner = CliRunner(env={**self.stage.env, **self.env(who)})
        done = await asyncio.to_thread(runner.invoke, app, words)
        self.output.append(f"{done.output}{'' if isinstance(done.exception, SystemExit) else done.exception or ''}")
        return done.exit_code, self.output[-1]

    async def grant(self) -> None:
        """Grant what `fusionlog acls` prints and, to the intruder, writing to the signed topics."""
        code, text = await self.cli("cli", "acls", "--format", "json")
        assert code == 0, text
        topics = self.stage.settings.topics
        intruder = [
            {"principal": f"User:{INTRUDER}", "resource": "topic", "name": topic.name, "pattern": "literal",
             "operation": operation, "host": "*"}
            for topic in (topics.labels, topics.models) for operation in ("Read", "Write", "Describe")
        ]  # fmt: skip
        await self.kafka.grant([*json.loads(text), *intruder])

    async def worker(self, role: str, **env: str) -> Worker:
        """A worker process with the login of its role."""
        worker = await self.stage.worker(role, **self.env(role), **env)
        worker.token = self.metrics_token
        return worker

    async def process(self, log: Path, *command: str, **env: str) -> asyncio.subprocess.Process:
        """A process whose output goes to a file of the deployment's directory."""
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
        with log.open("wb") as output:
            return await asyncio.create_subprocess_exec(
                sys.executable, *command, stdout=output, stderr=output, env={**os.environ, "PATH": path, **env}
            )

    def secrets(self) -> list[str]:
        """Every secret: passwords, keys of endpoints, tokens, and a line of each private key."""
        keys = [path.read_text().splitlines()[1] for path in (self.secrets_directory / "keys").glob("*.pem")]
        passwords = [self.kafka.logins[user] for user in LOGINS.values()]
        return [*passwords, *keys, *self.endpoint_keys.values(), self.ray_token, self.metrics_token]

    def key(self, signer: str) -> PrivateKey:
        """The private key of a signer."""
        return PrivateKey.of_pem((self.secrets_directory / "keys" / f"{signer}.pem").read_text(), "", signer)

    def leaks(self, *directories: Path) -> list[str]:
        """The files below directories, the environments of the workers, and the outputs of commands, with a secret."""
        wanted = [each.encode() for each in self.secrets()]
        files = [path for directory in directories for path in directory.rglob("*") if path.is_file()]
        files += [Path(f"/proc/{worker.pid}/environ") for worker in self.stage.workers]
        found = [str(path) for path in files if any(each in _content(path) for each in wanted)]
        return found + [text for text in self.output if any(each in text.encode() for each in wanted)]

    def _make_keys(self) -> None:
        done = CliRunner().invoke(app, ["keys", "generate", "--dir", str(self.secrets_directory / "keys")])
        assert done.exit_code == 0, done.output

    def _write_secrets(self, who: str) -> None:
        directory = self.secrets_directory / who
        directory.mkdir(parents=True)
        for name, value in self._secrets_of(who):
            (directory / name).write_text(f"{value}\n")

    def _secrets_of(self, who: str) -> Iterable[tuple[str, str]]:
        yield "kafka__sasl_username", LOGINS[who]
        yield "kafka__sasl_password", self.kafka.logins[LOGINS[who]]
        yield "metrics__token", self.metrics_token
        if who in SIGNER_OF:
            yield "signing__key", (self.secrets_directory / "keys" / f"{SIGNER_OF[who]}.pem").read_text().strip()
        if who in self.endpoint_keys:
            yield "label__api_key", self.endpoint_keys[who]
        if who in ("ray", "train"):
            yield "ray_token", self.ray_token


def _content(path: Path) -> bytes:
    with suppress(OSError):
        return path.read_bytes()
    return b""
