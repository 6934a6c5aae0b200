"""One RabbitMQ node: its settings, its process, and its trace of messages."""

from __future__ import annotations

import json
import os
import signal
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from datasets.record.errors import RecordError
from datasets.record.process import Process, free_port, offspring, run

ADMIN = "guest"
VHOST = "shop"
COOKIE = "recorded"
START_S = 40.0
SERVER = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
CALL = Path("/usr/lib/erlang/bin/erl_call")


@dataclass(frozen=True)
class Plan:
    """What all nodes must agree on: their names, epmd's port, and the home of the cookie."""

    names: tuple[str, ...]
    epmd: int
    home: Path


class Node:
    """One node, `name` without its host. `store` is where its messages lie."""

    def __init__(self, name: str, plan: Plan, store: Path) -> None:
        self.name, self.plan, self.store = name, plan, store
        self.full = f"{name}@localhost"
        self.port, self.web, self.peer = free_port(), free_port(), free_port()
        self.home = plan.home / name
        self.log = plan.home / f"{name}.log"
        self.trace = self.home / "trace" / "audit.log"
        self.up = False
        self.home.mkdir()
        self._write("rabbitmq.conf", "".join(f"{key} = {value}\n" for key, value in self._settings().items()))
        self._write("hosts", '{lookup, [file]}.\n{host, {127,0,0,1}, ["localhost"]}.\n')
        self._write("plugins", "[rabbitmq_tracing].\n")
        self._write("advanced.config", f'[{{rabbitmq_tracing, [{{directory, "{self.trace.parent}"}}]}}].\n')
        self.process = Process([str(SERVER)], self.log, env=self._environment())

    def start(self, traced: bool = True) -> None:
        """Start, wait until it takes clients, and have it trace the messages that it handles.

        After a kill a start may hang while the other nodes still count it as up; then it is started once more.
        """
        self.process.start()
        if not self._awaited():
            self.kill()
            self.process.start()
            if not self._awaited():
                raise RecordError(f"node {self.name} is not up after {2 * START_S:.0f} s; see {self.log}")
        if traced:
            self.trace_messages()
        self.up = True

    def _awaited(self) -> bool:
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            if self._listens():
                return True
            time.sleep(0.3)
        return False

    def trace_messages(self) -> None:
        """Begin the trace; one that stands from before is ended."""
        path = f"/traces/node/{self.full}/{VHOST}/audit"
        for _ in range(20):
            try:
                self.api("DELETE", path, quiet=True)
                self.api("PUT", path, {"format": "json", "pattern": "#", "max_payload_bytes": 1})
                return
            except (OSError, RecordError):
                time.sleep(0.5)

    def empty(self) -> None:
        """Throw away what was logged so far."""
        os.truncate(self.log, 0)

    def signal(self, number: int) -> None:
        """Send a signal to the Erlang machine itself."""
        for relative in offspring(self.process.pid):
            if relative.name == "beam.smp":
                relative.send(number)

    def kill(self) -> None:
        """kill -9 of the Erlang machine; the script around it sees to its end."""
        self.up = False
        self.signal(signal.SIGKILL)
        self.process.stop(0, 10)

    def stop(self) -> None:
        """Stop in good order; clients are told so."""
        self.up = False
        self.signal(signal.SIGTERM)
        self.process.stop(0, 40)

    def drain(self) -> None:
        """Send clients away, as before planned work."""
        self.call("rabbit_maintenance drain []")

    def end(self) -> None:
        """End it for good."""
        if self.log.exists():
            self.signal(signal.SIGKILL)
            self.process.end(0, 10)

    def call(self, code: str) -> str:
        """Call a function on the node: `module function [arguments]`.

        :raises RecordError: when the node does not answer.
        """
        argv = [str(CALL), "-n", self.full, "-c", COOKIE, "-timeout", "8", "-a", code]
        return run(["env", f"ERL_EPMD_PORT={self.plan.epmd}", f"HOME={self.plan.home}", *argv])

    def api(self, verb: str, path: str, body: object = None, quiet: bool = False) -> None:
        """Ask the management plugin for a change.

        :raises RecordError: it refuses; not where `quiet`.
        """
        request = urllib.request.Request(f"http://127.0.0.1:{self.web}/api{path}", method=verb)
        request.add_header("authorization", "Basic Z3Vlc3Q6Z3Vlc3Q=")
        request.add_header("content-type", "application/json")
        request.data = None if body is None else json.dumps(body).encode()
        try:
            urllib.request.urlopen(request, timeout=60).close()
        except urllib.error.HTTPError as refused:
            if not quiet:
                raise RecordError(f"{verb} {path} gave {refused.code}: {refused.read().decode()[:200]}") from refused

    def _listens(self) -> bool:
        """Whether the node says that it takes clients; none is sent to it for that."""
        try:
            self.api("GET", f"/health/checks/port-listener/{self.port}")
        except (OSError, RecordError):
            return False
        return True

    def _write(self, name: str, text: str) -> None:
        (self.home / name).write_text(text)

    def _settings(self) -> dict[str, object]:
        peers = {f"cluster_formation.classic_config.nodes.{i}": f"{n}@localhost" for i, n in enumerate(self.plan.names)}
        return {
            "listeners.tcp.1": f"127.0.0.1:{self.port}", "management.tcp.ip": "127.0.0.1",
            "management.tcp.port": self.web, "cluster_formation.peer_discovery_backend": "classic_config", **peers,
            **_SETTINGS,
        }  # fmt: skip

    def _environment(self) -> dict[str, str]:
        home = self.home
        return {
            "HOME": str(self.plan.home), "ERL_EPMD_PORT": str(self.plan.epmd), "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_INETRC": str(home / "hosts"),
            "ERL_CRASH_DUMP_BYTES": "0", "RABBITMQ_NODENAME": self.full,
            "RABBITMQ_DIST_PORT": str(self.peer), "TZ": "UTC",
            "RABBITMQ_CONFIG_FILE": str(home / "rabbitmq.conf"), "RABBITMQ_CONF_ENV_FILE": "/dev/null",
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(home / "advanced.config"), "RABBITMQ_PID_FILE": str(home / "pid"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(home / "plugins"), "RABBITMQ_MNESIA_BASE": str(self.store),
            "RABBITMQ_LOG_BASE": str(home / "log"), "RABBITMQ_GENERATED_CONFIG_DIR": str(home / "made"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 2:2 +sbwt none +sbwtdcpu none +sbwtdio none "
            "-kernel inet_dist_use_interface {127,0,0,1}",
        }  # fmt: skip


def call_epmd(port: int, home: Path) -> Process:
    """Erlang's port mapper, of our own, on loopback."""
    return Process(["epmd", "-port", str(port), "-address", "127.0.0.1"], home / "epmd.log")


_SETTINGS = {
    "log.file": "false", "log.console": "true", "log.console.level": "debug", "log.console.formatter": "json",
    "log.console.formatter.time_format": "rfc3339_T",
    "log.console.formatter.json.field_map": "time level pid msg domain *:-",
    "log.default.level": "notice", "log.connection.level": "debug", "log.channel.level": "debug",
    "log.queue.level": "notice", "log.ra.level": "notice",
    "log.mirroring.level": "notice", "log.upgrade.level": "warning",
    "cluster_partition_handling": "pause_minority", "disk_free_limit.absolute": "60MB", "net_ticktime": 30,
    "raft.wal_max_size_bytes": 4000000, "vm_memory_high_watermark.relative": "0.6",
    "collect_statistics_interval": 30000, "management.rates_mode": "none", "handshake_timeout": 4000,
}  # fmt: skip
