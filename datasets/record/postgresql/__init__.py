"""Record PostgreSQL: services and people at work in one database, sessions by the backend's session id."""

from __future__ import annotations

import random
from datetime import datetime

from datasets.record.address import directory
from datasets.record.ledger import Ledger
from datasets.record.place import Place, place
from datasets.record.postgresql.clients import World
from datasets.record.postgresql.faults import EARLY, LATE
from datasets.record.postgresql.load import arrive
from datasets.record.postgresql.server import Server
from datasets.record.recording import Cause, Recording, by_key, joined
from datasets.record.spec import SystemSpec
from datasets.record.timeline import Crew, Script, drive

SPEC = SystemSpec(
    name="postgresql",
    description="PostgreSQL 15 of a web shop. A session is all lines of one backend, from connect to disconnect; "
    "shop, billing, loader and monitor are programs, anna to farid are people with a terminal.",
    header="<Date> <Time> <Zone> [<Pid>] <Session> <Component> <Level>:  <Content>",
    session=r"\] ([0-9a-f]{8}\.[0-9a-f]{1,6}) ",
    policy="Alert when a program (shop, billing, loader) is refused, loses its session, or cannot finish its work, and "
    "when data cannot be read or written. An order is: lock the product, purchase, purchase line, stock, payment, "
    "commit; each step once. Not on mistakes of people, whatever they meet; not on orders rolled back because the "
    "article is sold out or was ordered twice, conflicts and deadlocks that are tried again, bad lines in a loaded "
    "file, lock waits that end, port checks and monitors that hang up, nor on what administrators do (restarts, "
    "ended sessions, maintenance).",
)
SCRIPT = Script(EARLY, LATE, arrive, rate=4.0)
"""About 1,600 sessions in seven minutes, a quarter of what the server takes on two busy cores."""


def record(seed: int, total_s: float) -> Recording:
    """Record for `total_s` seconds."""
    with place("small", 6) as here:
        server = Server(here.home, here.disk)
        world, crew = World(server, Ledger()), Crew()
        try:
            server.create()
            server.start()
            drive(SCRIPT, world, random.Random(seed), total_s, crew)
            crew.join(20)
            server.process.stop()
        finally:
            server.process.end()
        return _recording(world, here)


def _recording(world: World, here: Place) -> Recording:
    """Leaves out the recorder's own sessions, and those that broke for a reason that the ledger does not know."""
    lines = joined(here.read(world.server.log).splitlines())
    sessions = directory(lines, r"connection received: host=(\S+) port=(\d+)", SPEC.key, _written)
    unknown = {address for address, _ in world.ledger.unexplained if address not in world.ledger.struck}
    hidden = {sessions.find(address) for address in world.bystanders | unknown} - {None}
    lines = [line for line in lines if SPEC.key(line) not in hidden]
    struck = sessions.named(world.ledger.struck)
    causes = {key: Cause.of(incident) for key, incident in struck.items() if key not in hidden}
    return Recording(SPEC, lines, by_key(lines, SPEC), causes)


def _written(line: str) -> float:
    """When a line was written, in seconds since the epoch (the server runs in UTC)."""
    return datetime.strptime(line[:23] + "+0000", "%Y-%m-%d %H:%M:%S.%f%z").timestamp()
