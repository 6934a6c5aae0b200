"""What healthy clients do: programs at work, and people with their mistakes."""

from __future__ import annotations

import contextlib
import random
import time

from datasets.record.rabbitmq.clients import NAMES, Client, Plan, World
from datasets.record.rabbitmq.cluster import PASSWORD, PEOPLE, SANDBOX
from datasets.record.rabbitmq.node import VHOST
from datasets.record.rabbitmq.wire import AmqpError


def take_orders(client: Client) -> None:
    """The checkout: one to three orders, step by step; some articles are sold out, some cards declined at first."""
    for _ in range(client.rng.choice((1, 1, 2, 3))):
        order = f"o-{client.rng.randint(10**5, 10**6)}"
        for _ in range(times(client, "repeated step", 4)):
            client.publish("order.placed", order)
        if not times(client, "hang", 0):
            _hang(client)
        if client.rng.random() < 0.07:
            client.publish("stock.short", order)
            client.publish("order.cancelled", order)
        else:
            _sell(client, order)


def pack(client: Client) -> None:
    """The packing table: fetch orders, pack each, acknowledge; what is not on the shelf is put back."""
    for _ in range(client.rng.randint(1, 5)):
        message = client.fetch("orders")
        if message is None:
            return
        if client.rng.random() < 0.06:
            client.publish("parcel.delayed", message.id)
            client.link.put_back(message.tag)
            continue
        client.publish("parcel.packed", message.id)
        client.link.ack(message.tag)


def write_letters(client: Client) -> None:
    """Letters: fetch, send, acknowledge; now and then a second try."""
    for _ in range(client.rng.randint(1, 4)):
        message = client.fetch("letters")
        if message is None:
            return
        if client.rng.random() < 0.12:
            client.publish("letter.retried", message.id)
        client.publish("letter.sent", message.id)
        client.link.ack(message.tag)


def settle(client: Client) -> None:
    """The bank: open a settlement, book payments, close it."""
    day = f"s-{client.rng.randint(10**5, 10**6)}"
    client.publish("settlement.opened", day)
    for _ in range(client.rng.randint(1, 6)):
        message = client.fetch("payments")
        if message is None:
            break
        client.publish("settlement.booked", message.id)
        client.link.ack(message.tag)
    client.publish("settlement.closed", day)


def show_pages(client: Client) -> None:
    """The web front: tells of pages without waiting for an answer, and never says goodbye."""
    for _ in range(client.rng.randint(1, 4)):
        client.publish(client.rng.choice(("page.viewed", "page.viewed", "cart.changed")), "p-1", confirmed=False)
    client.think(0.1)
    client.link.cut()


def watch(client: Client) -> None:
    """Monitoring: are the queues there? It often hangs up."""
    client.link.declare(client.rng.choice(("orders", "letters", "payments")), passive=True)
    if client.rng.random() < 0.4:
        client.world.note(client.key, "monitor that hangs up")
        client.link.cut(reset=client.rng.random() < 0.5)


def work_by_hand(client: Client) -> None:
    """A person with a terminal: notes are written and read, and every second time there is a mistake."""
    for _ in range(client.rng.randint(1, 4)):
        if client.rng.random() < 0.5:
            client.link.publish("", "notes", f"n-{client.rng.randint(1, 999)}")
        elif message := client.fetch("notes"):
            client.link.ack(message.tag)
        client.think()
    if client.rng.random() < 0.6:
        client.rng.choice(_LATE_MISHAPS if client.world.late() else _MISHAPS)(client)
    elif client.rng.random() < 0.3:
        client.link.purge("notes")


def doze(client: Client) -> None:
    """A person whose laptop falls asleep in the middle."""
    client.world.note(client.key, "laptop asleep")
    client.fetch("notes")
    client.link.wait_for_end(8)


def probe_port(world: World, rng: random.Random) -> None:
    """A load balancer's check, or a scanner: connect, perhaps send something, and go."""
    found = world.connect(rng)
    if found is None:
        return
    link = found[1]
    world.note(link.name, "port check")
    draw = rng.random()
    if draw < 0.3:
        link.send_junk(b"GET / HTTP/1.0\r\n\r\n")
    elif draw < 0.5:
        link.greet()
    time.sleep(0.05)
    link.cut()


def mistyped_login(world: World, rng: random.Random) -> None:
    """A person with a wrong password, an unknown virtual host, or one that is not theirs."""
    found = world.connect(rng)
    if found is None:
        return
    person, link = rng.choice(PEOPLE), found[1]
    world.note(link.name, "mistyped login")
    password, vhost = rng.choice((("wrong", SANDBOX), ("Recorded", SANDBOX), (PASSWORD, "sandbx"), (PASSWORD, "/")))
    with contextlib.suppress(AmqpError):
        link.login(person, password, vhost, NAMES[person])
    link.close()


def times(client: Client, bug: str, times: int) -> int:
    """1, or `times` while the client's program has that bug."""
    incident = client.world.bugs.get(bug)
    if incident is None:
        return 1
    client.world.ledger.blame(client.key, incident)
    return times


def arrive(world: World, rng: random.Random) -> None:
    """One arrival: a connection drawn by how often each kind comes."""
    draw = rng.random()
    for share, user, plan in _PLANS:
        draw -= share
        if draw < 0:
            world.play(plan, user or rng.choice(PEOPLE), rng, 1 if user == "checkout" and "hang" in world.bugs else 0)
            return
    if world.late() and rng.random() < 0.15:
        world.play(doze, rng.choice(PEOPLE), rng, heartbeat_s=1)
        return
    with contextlib.suppress(OSError):
        rng.choice((probe_port, mistyped_login, _other_house))(world, rng)


def _sell(client: Client, order: str) -> None:
    client.publish("stock.reserved", order)
    if not times(client, "lost order", 0):
        return
    if client.rng.random() < 0.1:
        client.publish("payment.declined", order)
    if times(client, "skipped payment", 0):
        client.publish("payment.taken" if times(client, "wrong key", 0) else "payments.taken", order)
    client.publish("letter.queued", order)


def _hang(client: Client) -> None:
    """Nothing more is done, until the broker gives the connection up."""
    client.link.wait_for_end(8)
    raise ConnectionResetError("given up by the broker")


def _leaves(client: Client) -> None:
    client.world.note(client.key, "laptop closed")
    client.link.cut(reset=client.rng.random() < 0.5)


def _other_house(world: World, rng: random.Random) -> None:
    """A person's terminal in the shop's virtual host, where people have no rights."""
    found = world.connect(rng)
    if found is None:
        return
    person, link = rng.choice(PEOPLE), found[1]
    world.note(link.name, "no right")
    with contextlib.suppress(AmqpError):
        link.login(person, PASSWORD, VHOST, NAMES[person])
        link.declare("orders", passive=True)
    link.close()


_MISHAPS: tuple[Plan, ...] = (
    lambda client: client.expect("no such queue", lambda: client.link.declare("nots", passive=True)),
    lambda client: client.expect("no such exchange", lambda: client.link.publish("shp", "notes", "n-1", False)),
    lambda client: client.expect("other properties", lambda: client.link.declare("notes", kind="quorum")),
    lambda client: client.expect("unknown tag", lambda: client.link.ack(99)),
    _leaves,
)  # fmt: skip
_LATE_MISHAPS: tuple[Plan, ...] = (
    *_MISHAPS,
    lambda client: client.expect("reserved name", lambda: client.link.declare("amq.mine", kind="classic")),
    lambda client: client.expect("no such type", lambda: client.link.declare("n2", kind="quorm")),
)  # fmt: skip
_PLANS: tuple[tuple[float, str | None, Plan], ...] = (
    (0.30, "checkout", take_orders), (0.17, "packing", pack), (0.09, "letters", write_letters), (0.06, "bank", settle),
    (0.12, "web", show_pages), (0.07, "monitor", watch), (0.11, None, work_by_hand),
)  # fmt: skip
