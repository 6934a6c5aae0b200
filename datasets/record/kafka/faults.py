"""Faults put into the cluster and its clients, each with the pattern that its target's lines have in common."""

from __future__ import annotations

import random
import re
import shutil
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from confluent_kafka import KafkaException
from confluent_kafka.admin import NewTopic

from datasets.record.disk import filled
from datasets.record.kafka.cluster import Cluster
from datasets.record.kafka.load import GROUPS, Services, grow_topic, login, set_config
from datasets.record.ledger import Incident, Ledger
from datasets.record.timeline import Crew

PEOPLE = "console|scratch-|tri?al|trail|settings-|payment-run|[Aa]uthentication|InvalidReceive|INVALID_"
HOUSEKEEPING = "Deleting segment|Deleted (log|offset|time|producer)|log start offset|Rolled|producer snapshot|tombstone"
NODE = rf"^(?!.*({PEOPLE}|{HOUSEKEEPING}))"
"""Lines that a struck node causes: all of that time, but for those about what only people and jobs touch, and for the
removal of old segments."""


@dataclass(frozen=True)
class Mark:
    """Which lines an incident caused: those of its time, `settle_s` seconds longer, that match its target."""

    incident: Incident
    target: re.Pattern[str]
    settle_s: float

    def caused(self, line: str, when: float) -> bool:
        """Whether `line`, written at `when`, is the incident's."""
        return self.incident.start <= when <= self.incident.end + self.settle_s and bool(self.target.search(line))


@dataclass
class World:
    """What a fault can reach."""

    cluster: Cluster
    services: Services
    ledger: Ledger[str] = field(default_factory=Ledger)
    marks: list[Mark] = field(default_factory=list)

    @contextmanager
    def incident(self, name: str, target: str = NODE, settle_s: float = 1.0, fault: bool = True) -> Iterator[None]:
        """An incident whose lines are those that match `target`; by default the node's, all but those of bystanders."""
        with self.ledger.incident(name, fault) as incident:
            self.marks.append(Mark(incident, re.compile(target), settle_s))
            yield


Act = Callable[[World, random.Random], None]


def kill_node(world: World, rng: random.Random) -> None:
    """kill -9 of node 2; it is started again when its session with the controller is over."""
    with world.incident("node killed", settle_s=0.2):
        world.cluster.second.process.send(signal.SIGKILL)
        time.sleep(5.5)
    _bring_back(world)


def kill_and_corrupt(world: World, rng: random.Random) -> None:
    """kill -9 of node 2, and bytes of its segments change before it is back and finds them."""
    with world.incident("node killed", settle_s=0.2):
        world.cluster.second.process.stop(signal.SIGKILL)
        time.sleep(5)
        for path in (world.cluster.home / "n2-a").glob("orders-*/*.log"):
            _garble(path, rng)
    with world.incident("segments corrupt", r"node-2.*(LogLoader partition=orders-|/orders-\d)", 1.0):
        _bring_back(world)


def freeze_node(world: World, rng: random.Random) -> None:
    """SIGSTOP of node 2 for longer than its session with the controller lasts."""
    with world.incident("node frozen", settle_s=0.5):
        world.cluster.second.process.send(signal.SIGSTOP)
        time.sleep(5.5)
        world.cluster.second.process.send(signal.SIGCONT)


def fill_disk(world: World, rng: random.Random) -> None:
    """The small disk of node 2 is full: the node gives that directory up. Afterwards it is started again."""
    with world.incident("disk full", settle_s=0.2), filled(world.cluster.small):
        time.sleep(5.5)
    _bring_back(world)


def lose_directory(world: World, rng: random.Random) -> None:
    """The directory of a partition is moved away under node 2."""
    disk = world.cluster.home / "n2-a"
    victims = [path for path in disk.glob("audit-*")] or [path for path in disk.glob("orders-*")]
    with world.incident("partition directory lost", settle_s=0.2):
        for path in victims:
            shutil.rmtree(path)
        time.sleep(5.5)
    _bring_back(world)


def freeze_members(group: str) -> Act:
    """SIGSTOP of two members of a service's group, until the coordinator gives them up, and some more."""

    def act(world: World, rng: random.Random) -> None:
        victims = world.services.members[group][:2]
        with world.incident(f"members of {group} frozen", re.escape(group), 2.0):
            for victim in victims:
                victim.send(signal.SIGSTOP)
            time.sleep(5.5)
            for victim in victims:
                victim.send(signal.SIGCONT)

    return act


def crash_loop(group: str) -> Act:
    """A bad release: one member of a service's group dies and starts, again and again."""

    def act(world: World, rng: random.Random) -> None:
        with world.incident(f"crash loop in {group}", re.escape(group), 2.0):
            for _ in range(5):
                world.services.members[group][-1].stop(signal.SIGKILL)
                world.services.members[group][-1] = world.services.deploy(group, GROUPS[group][1] - 1)
                time.sleep(1.6)

    return act


def wrong_credentials(world: World, rng: random.Random) -> None:
    """Three members of a service are released with an outdated password; each is refused, ends, and is started anew."""

    def member() -> None:
        for _ in range(12):
            login(world.cluster, "reports", "outdated", 0.25)

    with world.incident("service password out of step", "[Aa]uthentication"):
        members = Crew()
        for _ in range(3):
            members.start(member)
        members.join(20)


def hang_transactions(world: World, rng: random.Random) -> None:
    """Payment runs stop in the middle of their transactions; the coordinator rolls them back."""
    names = [f"payment-run-{number}" for number in rng.sample(range(1, 13), 7)]
    runs = [
        world.cluster.producer("payments", transactional_id=n, transaction_timeout_ms=1500, socket_timeout_ms=1500)
        for n in names
    ]
    with world.incident("transactions hung", "|".join(rf"{name}\b" for name in names), 2.5):
        for run in runs:
            run.init_transactions(10)
            run.begin_transaction()
            run.produce("payments", b"never")
            run.flush(3)
        time.sleep(4)


def duel_of_runs(world: World, rng: random.Random) -> None:
    """One payment run was started twice: the two throw each other out in turn."""
    name = f"payment-run-{rng.randint(1, 12)}"
    with world.incident("payment run started twice", rf"{name}\b"):
        for _ in range(18):
            run = world.cluster.producer("payments", transactional_id=name)
            run.init_transactions(10)
            time.sleep(0.1)


def drop_topic(world: World, rng: random.Random) -> None:
    """A service's topic is removed by mishap, and made again."""
    admin = world.cluster.admin()
    size = {"segment.bytes": "1048576", "retention.bytes": "2097152"}
    with world.incident("service topic removed", r"\baudit\b|report-builder"):
        admin.delete_topics(["audit"])["audit"].result(10)
        time.sleep(3)
    admin.create_topics([NewTopic("audit", 3, 2, config=size)])["audit"].result(10)


def shorten_retention(world: World, rng: random.Random) -> None:
    """A setting slips: a service's records are kept for a second."""
    with world.incident("retention cut by mishap", r"topic payments with new|payments-\d.*(retention|[Dd]elet)", 0.2):
        set_config(world.cluster, "payments", "retention.ms", "1000")
        time.sleep(8)
    set_config(world.cluster, "payments", "retention.ms", "604800000")


def exhaust_connections(world: World, rng: random.Random) -> None:
    """A client opens connections until the node takes no more from its address."""
    links: list[socket.socket] = []
    with world.incident("connections exhausted", r"node-1.*Rejected connection"):
        for _ in range(140):
            links.append(socket.create_connection(("127.0.0.1", world.cluster.nodes[0].client), timeout=3))
            time.sleep(0.01)
        time.sleep(1)
        for link in links:
            link.close()


def restart_node(world: World, rng: random.Random) -> None:
    """A planned restart of node 2."""
    with world.incident("planned restart", fault=False):
        world.cluster.second.process.stop()
        world.cluster.second.start()


def redeploy(group: str) -> Act:
    """A planned rolling release of a service."""

    def act(world: World, rng: random.Random) -> None:
        with world.incident(f"release of {group}", re.escape(group), 3.0, fault=False):
            world.services.redeploy(group)

    return act


def enlarge(world: World, rng: random.Random) -> None:
    """A planned partition more."""
    with world.incident("partition added", "audit", fault=False):
        try:
            grow_topic(world.cluster, rng)
        except KafkaException:
            return


EARLY: tuple[Act, ...] = (
    kill_node, freeze_node, freeze_members("order-mailer"), freeze_members("order-mailer"),
    crash_loop("report-builder"), wrong_credentials, hang_transactions, fill_disk, restart_node,
    redeploy("order-mailer"), redeploy("ledger-writer"),
)  # fmt: skip
LATE: tuple[Act, ...] = (
    kill_and_corrupt, lose_directory, freeze_members("ledger-writer"), freeze_members("ledger-writer"),
    crash_loop("order-mailer"), wrong_credentials, duel_of_runs, drop_topic, shorten_retention, exhaust_connections,
    hang_transactions, restart_node, redeploy("report-builder"), enlarge,
)  # fmt: skip


def _bring_back(world: World) -> None:
    world.cluster.second.process.stop(signal.SIGKILL)
    world.cluster.second.start()


def _garble(path, rng: random.Random) -> None:  # type: ignore[no-untyped-def]
    data = bytearray(path.read_bytes())
    for at in range(len(data) // 3, len(data), 5000):
        data[at : at + 64] = rng.randbytes(64)
    path.write_bytes(bytes(data))
