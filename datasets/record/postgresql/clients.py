"""Sessions of clients as they happen: who is connected, and what becomes of a session that leaves its plan."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from datasets.record.address import Address
from datasets.record.ledger import Incident, Ledger
from datasets.record.postgresql.server import PASSWORD, PEOPLE, Server
from datasets.record.postgresql.wire import Connection, PgError

SOURCES = tuple(f"127.0.1.{i}" for i in range(11, 19))


@dataclass
class Client:
    """One session of one client; every step goes through it, so the injector can find it and strike it."""

    world: World
    user: str
    source: str
    rng: random.Random
    link: Connection
    in_order: bool = False

    @property
    def key(self) -> Address:
        """Address and port, which the server logs when the connection is received."""
        return self.link.address

    def run(self, sql: str) -> list[tuple[str | None, ...]]:
        """One statement, after which the client thinks for a moment."""
        rows = self.link.query(sql)
        self.think()
        return rows

    def expect(self, code: str, sql: str, why: str) -> bool:
        """A statement whose failure with SQLSTATE `code` is part of the plan (`why`). Tells whether it failed so."""
        try:
            self.run(sql)
        except PgError as error:
            if error.code != code:
                raise
            self.world.note(self.key, why)
            return True
        return False

    def think(self, most_s: float = 0.16) -> None:
        """Wait like a program or a person between two statements."""
        time.sleep(self.rng.uniform(0.004, most_s))


Plan = Callable[[Client], None]


@dataclass
class World:
    """The server, the ledger and the live clients of one recording."""

    server: Server
    ledger: Ledger[Address]
    live: list[Client] = field(default_factory=list)
    passwords: dict[str, str] = field(default_factory=dict)
    bugs: dict[str, Incident] = field(default_factory=dict)
    bystanders: set[Address] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, key: Address, why: str) -> None:
        """Book a planned deviation: routine."""
        self.ledger.note(key, why)

    def play(self, plan: Plan, user: str, rng: random.Random, database: str = "store") -> None:
        """One whole session: connect, carry out `plan`, say goodbye. What breaks it is booked."""
        source = rng.choice(SOURCES)
        try:
            link = Connection(self.server.port, source)
        except OSError:
            return  # refused by the kernel: the server wrote nothing
        client = Client(self, user, source, rng, link)
        try:
            link.login(user, self.passwords.get(user, PASSWORD), database, "psql" if user in PEOPLE else user)
            self._enter(client)
            plan(client)
            link.close()
        except (PgError, OSError) as problem:
            if user in PEOPLE and getattr(problem, "code", "") == "53300" and not self.ledger.at(time.time()):
                self.note(client.key, "second terminal")
            else:
                self.ledger.broken(client.key, f"{plan.__name__}: {problem}")
            link.close()
        finally:
            self._leave(client)

    def orders_under_way(self) -> list[Client]:
        """Clients inside an order's transaction now, in no order."""
        with self._lock:
            return [client for client in self.live if client.in_order]

    def admin(self, sql: str, database: str = "store") -> list[tuple[str | None, ...]]:
        """An act of the injector itself; its session is taken out of the stream afterwards."""
        link = Connection(self.server.port, "127.0.0.1")
        self.bystanders.add(link.address)
        try:
            link.login("postgres", "", database, "injector")
            return link.query(sql)
        finally:
            link.close()

    def _enter(self, client: Client) -> None:
        with self._lock:
            self.live.append(client)

    def _leave(self, client: Client) -> None:
        with self._lock:
            if client in self.live:
                self.live.remove(client)
