"""Faults put into the server and its clients, and the planned work of its administrators."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Callable, Collection, Iterator

from datasets.record.disk import filled
from datasets.record.ledger import Incident
from datasets.record.postgresql.clients import Client, World
from datasets.record.postgresql.server import PASSWORD, PEOPLE, kill
from datasets.record.postgresql.wire import Connection, PgError

Act = Callable[[World, random.Random], None]


def crash(world: World, rng: random.Random) -> None:
    """kill -9 of a backend: the server ends every session and recovers."""
    with world.ledger.incident("backend killed") as incident:
        for client in _victim(world):
            world.ledger.blame(client.key, incident)
            kill(client.link.pid, signal.SIGKILL)
        time.sleep(0.5)
        world.server.wait_ready()


def cut_by_reset(world: World, rng: random.Random) -> None:
    """The network between shop and server resets connections in the middle of orders."""
    _cut(world, "connections reset", reset=True)


def cut_in_silence(world: World, rng: random.Random) -> None:
    """Shop processes die in the middle of orders; their connections just end."""
    _cut(world, "shop processes died", reset=False)


def rotate_password(world: World, rng: random.Random) -> None:
    """The shop's password is changed in the server, and not in the shop."""
    with world.ledger.incident("shop password out of step"):
        world.passwords["shop"] = "outdated"
        time.sleep(4)
        world.passwords.pop("shop")


def leak_sessions(world: World, rng: random.Random) -> None:
    """The shop leaks sessions in open transactions until no slot is left."""
    with world.ledger.incident("connections exhausted") as incident:
        links = []
        while link := _leak(world, rng, incident):
            links.append(link)
        time.sleep(4)
        for link in links:
            link.close()


def fill_disk(world: World, rng: random.Random) -> None:
    """The small disk under the loader's table is full."""
    with world.ledger.incident("disk full"), filled(world.server.small):
        time.sleep(11)


def hold_lock(world: World, rng: random.Random) -> None:
    """A billing program locks the orders and hangs; whoever waits runs into the lock timeout."""
    with world.ledger.incident("table locked by a hung program") as incident:
        link = _service(world, "billing", rng, "billing")
        world.ledger.blame(link.address, incident)
        link.query("BEGIN")
        link.query("LOCK TABLE purchase")
        time.sleep(5)
        link.cut(reset=False)


def corrupt_page(world: World, rng: random.Random) -> None:
    """Bytes of the archive table change on disk."""
    path = world.server.relation_path("archive")
    saved = path.read_bytes()
    with world.ledger.incident("corrupt table file"):
        path.write_bytes(b"\x5a" * len(saved))
        time.sleep(8)
        path.write_bytes(saved)


def lose_file(world: World, rng: random.Random) -> None:
    """The file of an index is gone for a while."""
    path = world.server.relation_path("archive_day")
    away = path.with_name(path.name + ".away")
    with world.ledger.incident("index file lost"):
        path.rename(away)
        time.sleep(9)
        away.rename(path)


def freeze_backend(world: World, rng: random.Random) -> None:
    """SIGSTOP of backends inside orders, one after another: they stand still and end seconds late."""
    with world.ledger.incident("backend frozen") as incident:
        frozen: list[Client] = []
        for _ in range(6):
            for client in _victim(world, frozen):
                world.ledger.blame(client.key, incident)
                frozen.append(client)
                kill(client.link.pid, signal.SIGSTOP)
            time.sleep(0.8)
        for client in frozen:
            kill(client.link.pid, signal.SIGCONT)


def go_read_only(world: World, rng: random.Random) -> None:
    """A setting slips: new transactions are read-only."""
    with world.ledger.incident("server read-only by mishap"):
        world.admin("ALTER DATABASE store SET default_transaction_read_only = on")
        time.sleep(3)
        world.admin("BEGIN READ WRITE; ALTER DATABASE store RESET default_transaction_read_only; COMMIT")


def drift_schema(world: World, rng: random.Random) -> None:
    """A release renames a column that the shop still uses."""
    with world.ledger.incident("column renamed under the shop"):
        world.admin("ALTER TABLE purchase RENAME COLUMN token TO basket")
        time.sleep(4)
        world.admin("ALTER TABLE purchase RENAME COLUMN basket TO token")


def lose_sequence_right(world: World, rng: random.Random) -> None:
    """The shop's right to write payments is taken away."""
    with world.ledger.incident("right revoked"):
        world.admin("REVOKE INSERT ON payment FROM shop")
        time.sleep(4)
        world.admin("GRANT INSERT ON payment TO shop")


def bug(name: str, seconds: float) -> Act:
    """A release of the shop with the bug `name` is live for `seconds`."""

    def act(world: World, rng: random.Random) -> None:
        with world.ledger.incident(f"shop bug: {name}") as incident:
            world.bugs[name] = incident
            time.sleep(seconds)
            del world.bugs[name]

    return act


def restart(world: World, rng: random.Random) -> None:
    """A planned restart."""
    with world.ledger.incident("planned restart", fault=False):
        world.server.restart()


def maintain(world: World, rng: random.Random) -> None:
    """A planned change by an administrator: an index, with a lock timeout and another try."""
    for attempt in range(4):
        link = _service(world, "postgres", rng, "maintenance")
        try:
            link.query("SET lock_timeout = '300ms'")
            link.query("CREATE INDEX IF NOT EXISTS purchase_state ON purchase (state)")
            link.query("VACUUM ANALYZE purchase" if attempt % 2 else "ANALYZE purchase")
            link.query("DROP INDEX purchase_state")
        except PgError as error:
            world.note(link.address, f"maintenance tried again ({error.code})")
        link.close()
        time.sleep(0.5)


def end_sessions(world: World, rng: random.Random) -> None:
    """An administrator ends the sessions that people left open before a release."""
    links = [link for person in PEOPLE[3:] for link in _terminal(world, person, rng)]
    for link in links:
        link.query("SELECT count(*) FROM rate")
        world.note(link.address, "ended by an administrator")
    with world.ledger.incident("ended by an administrator", fault=False):
        boss = _service(world, "postgres", rng, "maintenance")
        boss.query(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename IN {PEOPLE[3:]}")
        boss.close()
    for link in links:
        link.close()


def reload_settings(world: World, rng: random.Random) -> None:
    """A planned change of a setting, one of them mistyped at first."""
    boss = _service(world, "postgres", rng, "maintenance")
    for sql in ("ALTER SYSTEM SET log_temp_file = 0", "ALTER SYSTEM SET maintenance_work_mem = '32MB'"):
        try:
            boss.query(sql)
        except PgError as error:
            world.note(boss.address, f"administrator's typo ({error.code})")
    boss.query("SELECT pg_reload_conf()")
    boss.close()


EARLY: tuple[Act, ...] = (
    crash, cut_by_reset, rotate_password, leak_sessions, fill_disk, hold_lock, bug("skipped payment", 5),
    restart, maintain, cut_by_reset,
)  # fmt: skip
LATE: tuple[Act, ...] = (
    crash, cut_in_silence, fill_disk, corrupt_page, lose_file, freeze_backend, go_read_only, drift_schema,
    lose_sequence_right, bug("repeated step", 4), bug("lost order", 5), restart, end_sessions, reload_settings,
)  # fmt: skip


def _victim(world: World, spared: Collection[Client] = (), patience_s: float = 4.0) -> Iterator[Client]:
    """A client inside an order that is not of `spared`; waits for one, and yields none if none comes."""
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline:
        found = [client for client in world.orders_under_way() if client not in spared]
        if found:
            yield found[0]
            return
        time.sleep(0.01)


def _cut(world: World, name: str, reset: bool) -> None:
    with world.ledger.incident(name) as incident:
        for _ in range(7):
            for client in _victim(world):
                if client.link.cut(reset):
                    world.ledger.blame(client.key, incident)
            time.sleep(0.7)


def _service(world: World, user: str, rng: random.Random, application: str) -> Connection:
    source = "127.0.0.1" if user == "postgres" else f"127.0.1.{rng.randint(11, 18)}"
    link = Connection(world.server.port, source)
    link.login(user, PASSWORD, "store", application)
    return link


def _terminal(world: World, person: str, rng: random.Random) -> Iterator[Connection]:
    """A person's session, or none where that person is at work already (one each is the rule)."""
    link = Connection(world.server.port, f"127.0.1.{rng.randint(11, 18)}")
    try:
        link.login(person, PASSWORD, "store", "psql")
    except PgError:
        world.note(link.address, "second terminal")
    else:
        yield link


def _leak(world: World, rng: random.Random, incident: Incident) -> Connection | None:
    link = Connection(world.server.port, f"127.0.1.{rng.randint(11, 18)}")
    world.ledger.blame(link.address, incident)
    try:
        link.login("shop", PASSWORD, "store", "shop")
        link.query(f"SELECT name, price FROM product WHERE id = {rng.randint(1, 120)}")
        link.query("BEGIN")
        link.query(f"SELECT price, stock FROM product WHERE id = {rng.randint(1, 120)} FOR SHARE")
    except (PgError, OSError):
        return None
    return link
