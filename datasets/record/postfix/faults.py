"""Faults put into the mail system and its neighbours, and the planned work of its administrators."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable

from datasets.record.disk import filled
from datasets.record.postfix.load import World
from datasets.record.postfix.server import DOMAIN, USERS

Act = Callable[[World, random.Random], None]
PROVIDED = ("partner.example", "supplier.example")
"""Partners that share a provider."""


def fill_disk(world: World, rng: random.Random) -> None:
    """The disk of the mailboxes is full."""
    with world.ledger.incident("mailbox disk full"), filled(world.server.disk):
        time.sleep(9)


def lock_mailboxes(world: World, rng: random.Random) -> None:
    """The rights of most mailboxes are lost."""
    boxes = [world.server.disk / DOMAIN / user for user in rng.sample(USERS, 36)]
    for box in boxes:
        box.mkdir(exist_ok=True)
    before = [(box, box.stat().st_uid) for box in boxes]
    with world.ledger.incident("mailbox rights lost"):
        for box in boxes:
            _own(box, 0)
        time.sleep(12)
        for box, owner in before:
            _own(box, owner or world.server.owner())


def filter_away(world: World, rng: random.Random) -> None:
    """The content filter is not there."""
    with world.ledger.incident("filter away"):
        world.filter.stop()
        time.sleep(5)
        world.filter.start()


def filter_hangs(world: World, rng: random.Random) -> None:
    """The content filter takes connections and says nothing."""
    with world.ledger.incident("filter hangs"):
        world.filter.hangs = True
        time.sleep(9)
        world.filter.hangs = False


def filter_dies(world: World, rng: random.Random) -> None:
    """The content filter dies after it has given a message back and before it says so: the message comes twice."""
    with world.ledger.incident("filter dies at the end of messages"):
        world.filter.drops = True
        time.sleep(4)
        world.filter.drops = False


def filter_loses(world: World, rng: random.Random) -> None:
    """The content filter takes messages, says that all is well, and gives them to nobody."""
    scan = world.filter.take
    with world.ledger.incident("filter loses messages"):
        world.filter.take = lambda mail: "250 2.0.0 Ok"
        time.sleep(6)
        world.filter.take = scan


def filter_slow(world: World, rng: random.Random) -> None:
    """The content filter takes five seconds a message."""
    with world.ledger.incident("filter slow"):
        world.filter.delay_s = 5.0
        time.sleep(6)
        world.filter.delay_s = 0.0


def partner_away(world: World, rng: random.Random) -> None:
    """Two partners, who share a provider, are gone for longer than mail is kept in the queue."""
    gone = [world.partners[name] for name in PROVIDED]
    with world.ledger.incident("partner away for long"):
        for partner in gone:
            partner.stop()
        time.sleep(34)
        for partner in gone:
            partner.start()


def partner_drops(world: World, rng: random.Random) -> None:
    """The two take messages and lose the connection before they say so: they get them again and again."""
    with world.ledger.incident("partner drops connections after messages"):
        for name in PROVIDED:
            world.partners[name].drops = True
        time.sleep(14)
        for name in PROVIDED:
            world.partners[name].drops = False


def cut_clients(world: World, rng: random.Random) -> None:
    """The network of the clients is cut: messages end in the middle."""
    with world.ledger.incident("clients cut off") as incident:
        world.cutting = incident
        time.sleep(4)
        world.cutting = None


def kill_delivery(daemon: str, seconds: float) -> Act:
    """kill -9 of delivery processes at work, again and again for so long."""

    def act(world: World, rng: random.Random) -> None:
        with world.ledger.incident(f"{daemon} processes killed"):
            for _ in range(int(50 * seconds)):
                world.server.signal_all(daemon, signal.SIGKILL)
                time.sleep(0.02)

    return act


def freeze_queue(world: World, rng: random.Random) -> None:
    """SIGSTOP of the queue manager: everything waits."""
    with world.ledger.incident("queue manager frozen"):
        world.server.signal_all("qmgr", signal.SIGSTOP)
        time.sleep(7)
        world.server.signal_all("qmgr", signal.SIGCONT)


def lose_files(world: World, rng: random.Random) -> None:
    """Files of waiting messages vanish from the queue."""
    _strike_queue(world, "queue files lost", lambda path: path.unlink())


def corrupt_files(world: World, rng: random.Random) -> None:
    """Files of waiting messages are overwritten."""
    _strike_queue(world, "queue files corrupt", lambda path: path.write_bytes(path.read_bytes()[:300] + b"\0" * 500))


def maintenance_of_partner(world: World, rng: random.Random) -> None:
    """Partners work on their servers and ask to come back."""
    with world.ledger.incident("partner's maintenance", fault=False):
        for partner in world.partners.values():
            partner.busy = True
        time.sleep(7)
        for partner in world.partners.values():
            partner.busy = False


def limits_of_partner(world: World, rng: random.Random) -> None:
    """A partner finds that we send too much, and takes it a little later."""
    partner = world.partners["partner.example"]
    judge = partner.judge
    with world.ledger.incident("partner limits our rate", fault=False):
        partner.judge = lambda sender, recipient: "450 4.7.1 Error: too much mail from you, try later"
        time.sleep(15)
        partner.judge = judge


def restart(world: World, rng: random.Random) -> None:
    """A planned restart."""
    with world.ledger.incident("planned restart", fault=False):
        world.server.stop()
        world.server.start()


def reload(world: World, rng: random.Random) -> None:
    """A planned change of a setting."""
    with world.ledger.incident("planned reload", fault=False):
        world.server.reload()
        time.sleep(1)


def hold_mail(world: World, rng: random.Random) -> None:
    """An administrator holds waiting mail for a look, releases it, and flushes the queue."""
    with world.ledger.incident("mail held for a look", fault=False):
        ids = _patient_ids(world, 4)
        world.post.held.update(ids)
        for name in ids:
            world.server.command("postsuper", "-h", name)
        time.sleep(1)
        for name in ids:
            world.server.command("postsuper", "-H", name)
        world.server.command("postqueue", "-f")


EARLY: tuple[Act, ...] = (
    fill_disk, filter_away, filter_dies, partner_away, cut_clients, kill_delivery("virtual", 10), reload, restart,
    maintenance_of_partner, filter_slow, filter_loses,
)  # fmt: skip
LATE: tuple[Act, ...] = (
    lock_mailboxes, filter_hangs, filter_dies, partner_drops, cut_clients, freeze_queue, lose_files, corrupt_files,
    kill_delivery("smtp", 5), restart, hold_mail, maintenance_of_partner, limits_of_partner,
)  # fmt: skip


def _strike_queue(world: World, name: str, strike: Callable) -> None:  # type: ignore[type-arg]
    with world.ledger.incident(name) as incident:
        for _ in range(30):
            for path in world.server.queued()[:1]:
                try:
                    strike(path)
                except FileNotFoundError:
                    continue  # the queue manager was faster
                world.post.struck_ids.setdefault(path.name, incident)
            time.sleep(1.0)


def _patient_ids(world: World, count: int, patience_s: float = 8.0) -> list[str]:
    deadline = time.monotonic() + patience_s
    found: list[str] = []
    while len(found) < count and time.monotonic() < deadline:
        found = [path.name for path in world.server.queued()]
        time.sleep(0.2)
    return found[:count]


def _own(box, owner: int) -> None:  # type: ignore[no-untyped-def]
    for path in (box, *box.glob("*")):
        os.chown(path, owner, owner)
        path.chmod(0o700)
