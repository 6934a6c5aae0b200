"""A cluster of two nodes, and clients of it (librdkafka, by `confluent-kafka`)."""

from __future__ import annotations

import logging
import os
import signal
import sys
import uuid
from base64 import urlsafe_b64encode
from pathlib import Path
from typing import Any

from datasets.record.errors import RecordError
from datasets.record.kafka.node import PASSWORD, Node, Plan
from datasets.record.process import Process, free_port

try:
    from confluent_kafka import Consumer, Producer
    from confluent_kafka.admin import AdminClient, NewTopic
except ImportError as missing:
    raise RecordError("the Kafka client is missing; run: python3 -m pip install confluent-kafka") from missing

SERVICE_TOPICS = ("orders", "payments", "audit")
FAST = {"topic.metadata.refresh.interval.ms": 5000, "socket.timeout.ms": 8000, "reconnect.backoff.max.ms": 1000}
_QUIET = logging.getLogger("datasets.record.kafka")
_QUIET.addHandler(logging.NullHandler())
_QUIET.propagate = False


class Cluster:
    """Node 1 (broker, controller) and node 2 (broker; its second data directory is a small disk)."""

    def __init__(self, home: Path, small: Path) -> None:
        plan = Plan(
            urlsafe_b64encode(uuid.UUID(int=0x0F0E0D0C0B0A09080706050403020100).bytes).decode()[:22], free_port()
        )
        self.home = home
        self.nodes = [Node(1, plan, home, [home / "n1-a"]), Node(2, plan, home, [home / "n2-a", small])]
        self.second = self.nodes[1]
        self.small = small
        self.workers: list[Process] = []
        self.closed = False

    def start(self) -> None:
        """Format and start both nodes and make the topics of the services."""
        for node in self.nodes:
            node.format()
        for node in self.nodes:
            node.start()
        admin = AdminClient(self.login("orders"))
        size = {"segment.bytes": "1048576", "retention.bytes": "2097152"}
        topics = [NewTopic(name, 3, 2, config=size) for name in SERVICE_TOPICS]
        topics.append(NewTopic("settings", 2, 2, config={"cleanup.policy": "compact", "segment.ms": "20000"}))
        for done in admin.create_topics(topics).values():
            done.result(30)

    def stop(self) -> None:
        """End the workers and both nodes; a worker that a thread still makes does not start."""
        self.closed = True
        for worker in list(self.workers):
            worker.end(signal.SIGKILL)
        for node in reversed(self.nodes):
            node.process.end()

    def login(self, user: str, password: str = PASSWORD, **more: Any) -> dict[str, Any]:
        """Client settings for `user`; keys in `more` have underscores for dots."""
        servers = ",".join(f"127.0.0.1:{node.client}" for node in self.nodes)
        sasl = {"security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": "PLAIN"}
        sasl |= {"sasl.username": user, "sasl.password": password}
        return {"bootstrap.servers": servers, **sasl, **FAST, **{k.replace("_", "."): v for k, v in more.items()}}

    def admin(self, user: str = "people") -> AdminClient:
        """An administration client."""
        return AdminClient(self.login(user), logger=_QUIET)

    def producer(self, user: str, password: str = PASSWORD, **more: Any) -> Producer:
        """A producer."""
        return Producer(self.login(user, password, **more), logger=_QUIET)

    def consumer(self, user: str, group: str, **more: Any) -> Consumer:
        """A consumer of `group`, with a session timeout of three seconds."""
        settings = {"auto_offset_reset": "latest", "session_timeout_ms": 3000, "heartbeat_interval_ms": 700}
        return Consumer(self.login(user, group_id=group, **settings, **more), logger=_QUIET)

    def worker(self, user: str, group: str, topic: str, client: str) -> Process:
        """A consumer in a process of its own, which can be frozen or killed; it leaves its group on SIGTERM."""
        argv = [sys.executable, str(Path(__file__).with_name("worker.py"))]
        settings = self.login(
            user, group_id=group, client_id=client, session_timeout_ms=3000, heartbeat_interval_ms=700
        )
        process = Process([*argv, topic, *(f"{k}={v}" for k, v in settings.items())], Path(os.devnull))
        self.workers.append(process)
        if not self.closed:
            process.start()
        return process
