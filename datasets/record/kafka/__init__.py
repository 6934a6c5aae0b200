"""Record Apache Kafka: two nodes, services, jobs and people; sessions of 20 consecutive lines of the server log."""

from __future__ import annotations

import heapq
import random
from collections.abc import Mapping
from datetime import UTC, datetime

from datasets.record.kafka.cluster import Cluster
from datasets.record.kafka.faults import EARLY, LATE, World
from datasets.record.kafka.load import Services, arrive
from datasets.record.place import Place, place
from datasets.record.recording import Cause, Recording, Session, by_count, joined
from datasets.record.spec import SystemSpec
from datasets.record.timeline import Crew, Script, drive

SPEC = SystemSpec(
    name="kafka",
    description="Server log of a two-node Apache Kafka 4.1 cluster (KRaft; node 1 is the controller) under the "
    "services order-mailer, ledger-writer, report-builder and payment-run. A session is 20 consecutive lines.",
    header="[<Date> <Time>] <Node> <Level> <Content>",
    size=20,
    policy="Alert when a node, a disk or a partition of the cluster is gone, stands still or is damaged, when the data "
    "of a service (orders, payments, audit) is removed, when a service's members or transactions hang, die or fight "
    "each other, or a service is kept out (it tries many times a second; a person with a wrong password once or "
    "twice). Topics keep 2 MB a partition: old segments go by size. Not on starts and planned restarts with their "
    "recovery and reconnects, releases (members leave and join one by one), what people do with consoles "
    "(console-consumer groups that vanish, a wrong password, bad requests, topics or settings refused, old records "
    "cleared, records without a key), scratch topics, nor port scanners.",
)
SCRIPT = Script(EARLY, LATE, lambda world, rng: arrive(world.cluster, rng), rate=4.8)
"""Deeds beside the services' own traffic; each Java and Python process costs a busy core."""


def record(seed: int, total_s: float) -> Recording:
    """Record for `total_s` seconds."""
    with place("small", 40) as here:
        cluster = Cluster(here.home, here.disk)
        try:
            cluster.start()
            world = World(cluster, Services(cluster))
            _drive(world, random.Random(seed), total_s)
        finally:
            cluster.stop()
        return _recording(world, here)


def _drive(world: World, rng: random.Random, total_s: float) -> None:
    crew = Crew()
    world.services.start()
    lots = random.Random(rng.random())
    crew.start(lambda: world.services.produce(lots))
    drive(SCRIPT, world, rng, total_s, crew)
    world.services.stopped.set()
    crew.join(40)


def _recording(world: World, here: Place) -> Recording:
    logs = [joined(here.read(node.log).splitlines()) for node in world.cluster.nodes]
    records = [[line for line in log if line.startswith("[2")] for log in logs]
    lines, sessions = by_count(list(heapq.merge(*records, key=lambda line: line[:24])), SPEC)
    return Recording(SPEC, lines, sessions, _causes(world, sessions))


def _causes(world: World, sessions: list[Session]) -> Mapping[str, Cause]:
    """A window's cause is that of the first of its lines that a fault caused, else of one that planned work did."""
    causes: dict[str, Cause] = {}
    for session in sessions:
        marks = [mark for line in session.lines for mark in world.marks if mark.caused(line, _written(line))]
        found = sorted({(not mark.incident.fault, mark.incident.name) for mark in marks})
        if found:
            causes[session.id] = Cause(found[0][1], not found[0][0])
    return causes


def _written(line: str) -> float:
    """When a line was written, in seconds since the epoch (the nodes run in UTC)."""
    stamp = datetime.strptime(line[1:24], "%Y-%m-%d %H:%M:%S,%f")
    return stamp.replace(tzinfo=UTC).timestamp()
