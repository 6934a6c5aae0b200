"""Record PostgreSQL: services and people at work in one database, sessions by the backend's session id."""

from __future__ import annotations

import random
import re
import tempfile
from datetime import datetime
from pathlib import Path

from datasets.record.address import Directory
from datasets.record.disk import small_disk
from datasets.record.ledger import Ledger
from datasets.record.postgresql.clients import World
from datasets.record.postgresql.faults import EARLY, LATE
from datasets.record.postgresql.load import arrive
from datasets.record.postgresql.server import Server
from datasets.record.recording import Cause, Recording, by_key, joined
from datasets.record.spec import SystemSpec
from datasets.record.timeline import Clock, Crew, arrivals, slots

SPEC = SystemSpec(
    name="postgresql",
    description="PostgreSQL 15 of a web shop. A session is all lines of one backend, from connect to disconnect; "
    "shop, billing, loader and monitor are programs, anna to farid are people with a terminal.",
    header="<Date> <Time> <Zone> [<Pid>] <Session> <Account> <Level>:  <Content>",
    session=r"\] ([0-9a-f]{8}\.[0-9a-f]{1,6}) ",
    policy="Alert when a program (shop, billing, loader) is refused, loses its session, or cannot finish its work, and "
    "when data cannot be read or written. An order is: lock the product, purchase, purchase line, stock, payment, "
    "commit; each step once. Not on mistakes of people, whatever they meet; not on orders rolled back because the "
    "article is sold out or was ordered twice, conflicts and deadlocks that are tried again, bad lines in a loaded "
    "file, lock waits that end, port checks and monitors that hang up, nor on what administrators do (restarts, "
    "ended sessions, maintenance).",
)
RATE = 4.0
"""Sessions a second: about 1,600 in seven minutes, a quarter of what the server takes on two busy cores."""


def record(seed: int, total_s: float) -> Recording:
    """Record for `total_s` seconds."""
    rng = random.Random(seed)
    with tempfile.TemporaryDirectory(prefix="record-") as folder:
        home = Path(folder) / "home"
        home.mkdir()
        Path(folder).chmod(0o755)
        with small_disk(Path(folder) / "small", 6) as small:
            server = Server(home, small)
            try:
                server.create()
                server.start()
                world = World(server, Ledger())
                _drive(world, rng, total_s)
            finally:
                server.process.stop()
            return _recording(world)


def _drive(world: World, rng: random.Random, total_s: float) -> None:
    clock, crew = Clock(total_s), Crew()
    plan = slots(rng, EARLY, LATE, total_s)

    def strike() -> None:
        for moment, act in plan:
            clock.sleep_until(moment)
            act(world, rng)

    crew.start(strike)
    lots = random.Random(rng.random())
    for moment in arrivals(lots, RATE, total_s - 10):
        clock.sleep_until(moment)
        crew.check()
        own = random.Random(lots.random())
        crew.start(lambda own=own: arrive(world, own))
    clock.sleep_until(total_s)
    crew.join(20)


def _recording(world: World) -> Recording:
    """Leaves out the recorder's own sessions, and those that broke for a reason that the ledger does not know."""
    text = world.server.log.read_text("utf-8", "replace").replace(str(world.server.home.parent), "/srv")
    lines = joined(text.splitlines())
    sessions = _directory(lines)
    unknown = {address for address, _ in world.ledger.unexplained if address not in world.ledger.struck}
    hidden = {sessions.find(address) for address in world.bystanders | unknown} - {None}
    lines = [line for line in lines if SPEC.key(line) not in hidden]
    struck = ((sessions.find(address), incident) for address, incident in world.ledger.struck.items())
    causes = {key: Cause(by.name, by.fault) for key, by in struck if key is not None and key not in hidden}
    return Recording(SPEC, lines, by_key(lines, SPEC), causes)


def _directory(lines: list[str]) -> Directory:
    """Which session the server opened for which client, by its line on each connection."""
    found = Directory()
    for line in lines:
        match = re.search(r"connection received: host=(\S+) port=(\d+)", line)
        key = SPEC.key(line)
        if match and key:
            when = datetime.strptime(line[:23] + "+0000", "%Y-%m-%d %H:%M:%S.%f%z").timestamp()
            found.add((match.group(1), int(match.group(2)), when), key)
    return found
