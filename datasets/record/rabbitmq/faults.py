"""Faults put into the cluster and its clients, and the planned work of its administrators."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import time
from collections.abc import Callable

from datasets.record.rabbitmq.clients import NAMES, World
from datasets.record.rabbitmq.cluster import EXCHANGE, PASSWORD, PEOPLE, SANDBOX
from datasets.record.rabbitmq.node import VHOST
from datasets.record.rabbitmq.wire import AmqpError, Connection

Act = Callable[[World, random.Random], None]


def kill_node(world: World, rng: random.Random) -> None:
    """kill -9 of a node with clients at work on it."""
    node = world.busiest()
    with world.ledger.incident("node killed"):
        node.kill()
        time.sleep(3)
    node.start()


def stop_node(world: World, rng: random.Random) -> None:
    """A node is stopped under its clients, without being drained."""
    node = world.busiest()
    with world.ledger.incident("node stopped without drain"):
        node.stop()
    node.start()


def freeze_node(world: World, rng: random.Random) -> None:
    """SIGSTOP of a node."""
    node = world.busiest()
    with world.ledger.incident("node frozen"):
        node.signal(signal.SIGSTOP)
        time.sleep(5)
        node.signal(signal.SIGCONT)
        time.sleep(0.5)


def lack_memory(world: World, rng: random.Random) -> None:
    """A node's memory alarm: whoever publishes waits."""
    node = rng.choice(world.cluster.nodes)
    with world.ledger.incident("memory alarm"):
        node.call("vm_memory_monitor set_vm_memory_high_watermark [0.0001]")
        time.sleep(4.5)
        node.call("vm_memory_monitor set_vm_memory_high_watermark [0.6]")


def lack_disk(world: World, rng: random.Random) -> None:
    """The disk of node two is nearly full: whoever publishes waits."""
    ballast = world.cluster.disk / ".ballast"
    with world.ledger.incident("disk alarm"):
        free = os.statvfs(world.cluster.disk)
        with ballast.open("wb") as sink:
            os.posix_fallocate(sink.fileno(), 0, free.f_bavail * free.f_bsize - (25 << 20))
        time.sleep(4.5)
        ballast.unlink()


def cut_clients(world: World, rng: random.Random) -> None:
    """The network between programs and brokers resets connections in the middle of their work."""
    with world.ledger.incident("connections reset") as incident:
        for _ in range(6):
            for client in world.at_work()[:1]:
                if client.link.cut(reset=True):
                    world.ledger.blame(client.key, incident)
            time.sleep(0.5)


def rotate_password(user: str) -> Act:
    """A program's password is changed in the cluster, and not in the program."""

    def act(world: World, rng: random.Random) -> None:
        with world.ledger.incident("program's password out of step"):
            world.cluster.set_password(user, "rotated")
            time.sleep(4)
            world.cluster.set_password(user, PASSWORD)

    return act


def leak_connections(world: World, rng: random.Random) -> None:
    """The checkout leaks connections until its limit is reached."""
    with world.ledger.incident("connection limit reached") as incident:
        world.cluster.limit("checkout", 7)
        links = []
        for _ in range(7):
            found = world.connect(rng)
            if found:
                links.append(found[1])
                world.ledger.blame(found[1].name, incident)
                with contextlib.suppress(AmqpError, OSError):
                    found[1].login("checkout", PASSWORD, VHOST, NAMES["checkout"])
        time.sleep(4)
        for link in links:
            link.cut()
        world.cluster.limit("checkout", None)


def lose_exchange(world: World, rng: random.Random) -> None:
    """The shop's exchange is deleted by mishap."""
    with world.ledger.incident("exchange deleted"):
        world.cluster.first.api("DELETE", f"/exchanges/{VHOST}/{EXCHANGE}")
        time.sleep(2)
        world.cluster.restore_exchange()


def lose_right(world: World, rng: random.Random) -> None:
    """The rights of the packing table are lost."""
    with world.ledger.incident("right revoked"):
        world.cluster.permit("packing", what="^$")
        time.sleep(3)
        world.cluster.permit("packing")


def crash_loop(world: World, rng: random.Random) -> None:
    """A message that the packing table dies of: it is fetched, the program falls, and it is fetched again."""
    with world.ledger.incident("crash loop") as incident:
        for _ in range(7):
            found = world.connect(rng)
            if found:
                world.ledger.blame(found[1].name, incident)
                with contextlib.suppress(AmqpError, OSError):
                    _fall(found[1])
            time.sleep(0.4)


def bug(name: str, seconds: float) -> Act:
    """A release of the checkout with the bug `name` is live for `seconds`."""

    def act(world: World, rng: random.Random) -> None:
        with world.ledger.incident(f"checkout bug: {name}") as incident:
            world.bugs[name] = incident
            time.sleep(seconds)
            del world.bugs[name]

    return act


def restart(world: World, rng: random.Random) -> None:
    """A planned restart: the node is drained, stopped and started."""
    node = world.busiest()
    with world.ledger.incident("planned restart", fault=False):
        node.drain()
        time.sleep(1)
        node.stop()
    node.start()


def test_load(world: World, rng: random.Random) -> None:
    """A person tries how many connections one gets (one each is the rule)."""
    person = rng.choice(PEOPLE)
    for _ in range(10):
        found = world.connect(rng)
        if found:
            world.note(found[1].name, "load test")
            with contextlib.suppress(AmqpError, OSError):
                found[1].login(person, PASSWORD, SANDBOX, NAMES[person])
            time.sleep(0.1)


EARLY: tuple[Act, ...] = (
    kill_node, kill_node, lack_memory, lack_memory, cut_clients, cut_clients, rotate_password("checkout"),
    rotate_password("packing"), leak_connections, bug("skipped payment", 3.5), bug("skipped payment", 3.5),
    bug("lost order", 3.5), bug("lost order", 3.5), restart,
)  # fmt: skip
LATE: tuple[Act, ...] = (
    kill_node, kill_node, freeze_node, freeze_node, lack_disk, lack_disk, cut_clients, stop_node, stop_node,
    bug("hang", 3.5), bug("hang", 3.5), bug("repeated step", 3.5), bug("repeated step", 3.5), bug("wrong key", 3.5),
    bug("wrong key", 3.5), lose_right, lose_right, lose_exchange, lose_exchange, crash_loop, crash_loop, restart,
    test_load, rotate_password("letters"),
)  # fmt: skip


def _fall(link: Connection) -> None:
    link.login("packing", PASSWORD, VHOST, NAMES["packing"])
    link.get("orders")
    time.sleep(0.15)
    link.cut()
