"""Connections of clients as they happen: who is connected, and what becomes of one that leaves its plan."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from datasets.record.ledger import Incident, Ledger
from datasets.record.rabbitmq.cluster import EXCHANGE, PASSWORD, PEOPLE, SANDBOX, Cluster
from datasets.record.rabbitmq.node import VHOST, Node
from datasets.record.rabbitmq.wire import AmqpError, Connection, Message

NAMES = {
    "checkout": "checkout of the web shop", "packing": "packing table in our warehouse",
    "letters": "writer of letters to all customers", "bank": "daily settlement with a bank",
    "web": "web front, php worker 7.4", "monitor": "health check by monitoring",
} | {person: f"terminal of {person}" for person in PEOPLE}  # fmt: skip
"""What a client calls itself."""
PROGRAMS = ("checkout", "packing", "letters", "bank")
LIMIT_REACHED = 530


@dataclass
class Client:
    """One connection; every step goes through it, so the injector can find it and strike it."""

    world: World
    user: str
    node: Node
    rng: random.Random
    link: Connection
    steps: int = 0

    @property
    def key(self) -> str:
        """The connection as the broker names it."""
        return self.link.name

    def publish(self, key: str, id: str, confirmed: bool = True) -> None:
        """One step of the work: a message to the shop's exchange, after which the client thinks for a moment."""
        self.link.publish(EXCHANGE, key, id, confirmed)
        self.steps += 1
        self.think()

    def fetch(self, queue: str) -> Message | None:
        """A message of a queue."""
        message = self.link.get(queue)
        self.think(0.05)
        return message

    def expect(self, why: str, mishap: Callable[[], None]) -> None:
        """A step whose refusal by the broker is part of the plan (`why`)."""
        self.world.note(self.key, why)
        try:
            mishap()
            self.fetch("notes")  # what is not answered is refused at the next step
        except AmqpError:
            self.think()

    def think(self, most_s: float = 0.6) -> None:
        """Wait like a program or a person between two steps."""
        time.sleep(self.rng.uniform(0.01, most_s))


Plan = Callable[[Client], None]


@dataclass
class World:
    """The cluster, the ledger and the live clients of one recording."""

    cluster: Cluster
    total_s: float
    ledger: Ledger[str] = field(default_factory=Ledger)
    live: list[Client] = field(default_factory=list)
    passwords: dict[str, str] = field(default_factory=dict)
    bugs: dict[str, Incident] = field(default_factory=dict)
    strangers: set[str] = field(default_factory=set)
    began: float = field(default_factory=time.monotonic)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, key: str, why: str) -> None:
        """Book a planned deviation: routine."""
        self.ledger.blame(key, Incident(why, False, time.time()))

    def late(self) -> bool:
        """Whether the second half has come."""
        return time.monotonic() - self.began > self.total_s / 2

    def connect(self, rng: random.Random) -> tuple[Node, Connection] | None:
        """A connection to any node that takes it; None if none does."""
        for node in rng.sample(self.cluster.nodes, len(self.cluster.nodes)):
            try:
                return node, Connection(node.port)
            except OSError:
                continue
        return None

    def play(self, plan: Plan, user: str, rng: random.Random, heartbeat_s: int = 0) -> None:
        """One whole connection: log in, carry out `plan`, say goodbye. What breaks it is booked."""
        found = self.connect(rng)
        if found is None:
            return
        client = Client(self, user, found[0], rng, found[1])
        if not client.node.up:
            self.strangers.add(client.key)  # it takes clients already, and does not trace their messages yet
        vhost = SANDBOX if user in PEOPLE else VHOST
        try:
            client.link.login(user, self.passwords.get(user, PASSWORD), vhost, NAMES[user], heartbeat_s)
            self._enter(client)
            plan(client)
            client.think(0.1)
            if not client.link.close() and not client.node.up:
                self.ledger.broken(client.key, "no answer to the goodbye")
        except (AmqpError, OSError) as problem:
            self._broken(client, problem)
            client.link.cut()
        finally:
            self._leave(client)

    def at_work(self) -> list[Client]:
        """Programs in the middle of their work now."""
        with self._lock:
            return [client for client in self.live if client.user in PROGRAMS and client.steps]

    def busiest(self) -> Node:
        """The node that most clients are on now."""
        with self._lock:
            return max(self.cluster.nodes, key=lambda node: sum(client.node is node for client in self.live))

    def _broken(self, client: Client, problem: Exception) -> None:
        """Book what ended a connection before its time.

        A client that could not even say its name looks like a port check and is left out; people and the web front
        come and go as they like, so that only the end of the node that they are on is an incident of theirs.
        """
        if isinstance(problem, AmqpError) and problem.code == LIMIT_REACHED and client.user in PEOPLE:
            self.note(client.key, "second terminal")
        elif not client.link.introduced:
            self.strangers.add(client.key)
        elif client.user not in PROGRAMS and client.node.up:
            self.note(client.key, "an incident that is nobody's loss")
        else:
            self.ledger.broken(client.key, str(problem))

    def _enter(self, client: Client) -> None:
        with self._lock:
            self.live.append(client)

    def _leave(self, client: Client) -> None:
        with self._lock:
            if client in self.live:
                self.live.remove(client)
