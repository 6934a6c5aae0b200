"""Record RabbitMQ: three nodes of one cluster, programs and people at work; JSON lines, sessions by connection."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from datasets.record.place import Place, place
from datasets.record.rabbitmq.clients import World
from datasets.record.rabbitmq.cluster import Cluster
from datasets.record.rabbitmq.faults import EARLY, LATE
from datasets.record.rabbitmq.load import arrive
from datasets.record.rabbitmq.node import Node
from datasets.record.recording import Cause, Recording, by_key
from datasets.record.spec import SystemSpec
from datasets.record.timeline import Crew, Script, drive

SPEC = SystemSpec(
    name="rabbitmq",
    description="Three RabbitMQ 3.10 nodes of a shop: the brokers' own lines and their trace of messages (published, "
    "received), both JSON. A session is one connection, from accepting to closing. checkout, packing, letters and bank "
    "are programs; web is a web front; anna to farid are people with a terminal.",
    json_line="{time} {node} {level} {pid} {routing_keys} {type} {queue} {routed_queues} {properties.message_id} "
    "{connection} {msg}",
    header="<Time> <Node> <Level> <Pid> <Content>",
    session=r"127\.0\.0\.1:\d+ -> 127\.0\.0\.1:\d+",
    policy="Alert when a program (checkout, packing, letters, bank) is refused, is cut off, gives up, does nothing, or "
    "does its work wrong; when anybody's connection ends without a line on its closing; when a node shuts down under "
    "its clients. An order of the checkout is: order.placed, stock.reserved, payment.taken (after a payment.declined "
    "too), letter.queued, or order.placed, stock.short, order.cancelled; each once, each routed to a queue but "
    "order.cancelled and payment.declined. Packing answers each order it receives by parcel.packed or parcel.delayed. "
    "Not on people's and monitoring's mistakes and refusals, whatever they meet; not on the web front, which never "
    "says goodbye and whose messages go nowhere; not on port checks and half handshakes, orders and letters received "
    "again, nor on clients sent away for maintenance, whatever they were doing.",
)
SCRIPT = Script(EARLY, LATE, arrive, rate=4.6)
"""About 2,500 connections in nine minutes."""
_KEPT = ("rabbitmq.connection", "rabbitmq.channel")
"""Domains of which the collector takes every line; of the others it takes notices and worse."""


def record(seed: int, total_s: float) -> Recording:
    """Record for `total_s` seconds."""
    with place("store", 240) as here:
        cluster, crew = Cluster(here), Crew()
        try:
            cluster.create()
            world = World(cluster, total_s)
            drive(SCRIPT, world, random.Random(seed), total_s, crew)
            crew.join(60)
            for node in cluster.nodes:
                node.stop()
        finally:
            cluster.end()
        return _recording(world, here)


def _recording(world: World, here: Place) -> Recording:
    """Leaves out connections that never said who they were, or broke for a reason that the ledger does not know."""
    found = sorted(entry for node in world.cluster.nodes for entry in _collected(node, here))
    unknown = {key for key, _ in world.ledger.unexplained if key not in world.ledger.struck}
    greeted = Counter(SPEC.key(line) for _, line in found if '"accepting AMQP' in line)
    hidden = world.strangers | unknown | {key for key, count in greeted.items() if count > 1}
    begun = {key for key in greeted if key not in hidden}
    lines = [line for _, line in found if (key := SPEC.key(line)) is None or key in begun]
    causes = {key: Cause.of(incident) for key, incident in world.ledger.struck.items() if key in begun}
    return Recording(SPEC, lines, by_key(lines, SPEC), causes)


def _collected(node: Node, here: Place) -> Iterator[tuple[str, str]]:
    """A node's lines with the time of each: its log, and what it traced of the messages that it handled itself."""
    moment = ""
    for line in here.read(node.log).splitlines():
        tree = _tree(line)
        if tree is None:
            moment = _plain_time(line) or moment
            if line.strip():
                yield moment, line
        elif tree.get("domain") in _KEPT or tree["level"] not in ("debug", "info"):
            moment = str(tree["time"])
            yield moment, _line({**tree, "node": node.full})
    for line in _traced(node.trace):
        tree = _tree(line)
        if tree and tree["node"] == node.full:
            kept = {name: value for name, value in tree.items() if name not in ("payload", "timestamp")}
            time = str(tree["timestamp"]).replace("+00:00", "000+00:00")
            yield time, _line({"time": time, **kept})


def _tree(line: str) -> dict[str, object] | None:
    try:
        tree = json.loads(line)
    except ValueError:
        return None
    return tree if isinstance(tree, dict) else None


def _line(tree: dict[str, object]) -> str:
    return json.dumps(tree, ensure_ascii=False, separators=(",", ":"))


def _traced(path: Path) -> list[str]:
    """The records of a trace, which ends each with a line break and begins none."""
    return path.read_text("utf-8", "replace").splitlines() if path.exists() else []


def _plain_time(line: str) -> str | None:
    """The time of a plain line, as a JSON line has it."""
    try:
        return datetime.fromisoformat(line[:32]).isoformat(timespec="microseconds")
    except ValueError:
        return None
