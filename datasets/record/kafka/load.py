"""What healthy clients of the cluster do: services, nightly jobs, and people with their mistakes."""

from __future__ import annotations

import random
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from confluent_kafka import KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AlterConfigOpType, ConfigEntry, ConfigResource, NewPartitions, NewTopic, ResourceType

from datasets.record.kafka.cluster import SERVICE_TOPICS, Cluster
from datasets.record.process import Process

GROUPS = {"order-mailer": ("orders", 3), "ledger-writer": ("payments", 3), "report-builder": ("audit", 2)}
"""Groups of the services: topic and number of members."""


@dataclass
class Services:
    """The service consumers, by group, and the producers' switch."""

    cluster: Cluster
    members: dict[str, list[Process]] = field(default_factory=dict)
    stopped: threading.Event = field(default_factory=threading.Event)

    def start(self) -> None:
        """Start every member of every group."""
        for group, (_, count) in GROUPS.items():
            self.members[group] = [self.deploy(group, number) for number in range(count)]

    def deploy(self, group: str, number: int) -> Process:
        """Start one member."""
        return self.cluster.worker("reports", group, GROUPS[group][0], f"{group}-{number}")

    def redeploy(self, group: str) -> None:
        """A planned rolling release of one group: each member leaves and comes back."""
        for number, member in enumerate(self.members[group]):
            member.stop()
            time.sleep(0.3)
            self.members[group][number] = self.deploy(group, number)
            time.sleep(0.7)

    def produce(self, rng: random.Random) -> None:
        """Write to all service topics until stopped; about 350 kB a second in all."""
        producer = self.cluster.producer("orders", client_id="shop", linger_ms=20)
        body = rng.randbytes(1500)
        while not self.stopped.wait(0.05):
            for topic in rng.choices(SERVICE_TOPICS, (3, 2, 2), k=rng.randint(4, 18)):
                _produce(producer, topic, body)
            producer.poll(0)
        producer.flush(3)


Deed = Callable[[Cluster, random.Random], None]


def peek(cluster: Cluster, rng: random.Random) -> None:
    """A person looks into a topic for a moment."""
    consumer = cluster.consumer("people", f"console-consumer-{rng.randint(1000, 99999)}")
    consumer.subscribe([rng.choice(SERVICE_TOPICS)])
    consumer.consume(200, timeout=rng.uniform(1.0, 4.0))
    consumer.close()


def peek_and_vanish(cluster: Cluster, rng: random.Random) -> None:
    """A person's console dies without leaving its group."""
    group = f"console-consumer-{rng.randint(1000, 99999)}"
    console = cluster.worker("people", group, rng.choice(SERVICE_TOPICS), "console")
    time.sleep(2.5)
    console.stop(9)


def pay(cluster: Cluster, rng: random.Random) -> None:
    """A short-lived payment run in transactions; now and then one is aborted by intent."""
    producer = cluster.producer("payments", transactional_id=f"payment-run-{rng.randint(1, 12)}")
    producer.init_transactions(10)
    for _ in range(rng.randint(1, 3)):
        producer.begin_transaction()
        _produce(producer, "payments", b"paid")
        if rng.random() < 0.2:
            producer.abort_transaction(10)
        else:
            producer.commit_transaction(10)


def nightly_job(cluster: Cluster, rng: random.Random) -> None:
    """A job with a scratch topic of its own: made, filled, read, removed."""
    topic = f"scratch-{rng.randint(1000, 9999)}"
    admin = cluster.admin("nightly")
    admin.create_topics([NewTopic(topic, rng.choice((1, 1, 2)), rng.choice((1, 2)))])[topic].result(10)
    time.sleep(0.5)
    producer = cluster.producer("nightly")
    for _ in range(50):
        _produce(producer, topic, b"row")
    producer.flush(5)
    time.sleep(rng.uniform(1, 4))
    admin.delete_topics([topic])[topic].result(10)


def change_setting(cluster: Cluster, rng: random.Random) -> None:
    """A planned change of a topic's setting; people mistype some."""
    entry = rng.choice((
        ("max.message.bytes", str(rng.choice((900000, 1000000, 1048588)))),
        ("flush.messages", str(rng.randint(1000, 9000))),
        ("retention.bytes", str(rng.choice((2097152, 2306867)))), ("retention.bits", "1"), ("flush.ms", "soon"),
    ))  # fmt: skip
    set_config(cluster, rng.choice(SERVICE_TOPICS), *entry)


def ask_for_too_much(cluster: Cluster, rng: random.Random) -> None:
    """A person asks for a topic that exists, too many replicas, a bad name, or removes one that is not there."""
    admin = cluster.admin()
    wish = rng.randrange(4)
    names = ("orders", f"trial-{rng.randint(1, 99)}", "trial/one", f"trail-{rng.randint(1, 99)}")
    if wish == 3:
        admin.delete_topics([names[wish]])[names[wish]].result(10)
    else:
        admin.create_topics([NewTopic(names[wish], 2, 5 if wish == 1 else 1)])[names[wish]].result(10)


def forget_key(cluster: Cluster, rng: random.Random) -> None:
    """A person writes to a compacted topic without a key."""
    producer = cluster.producer("people", retries=0)
    _produce(producer, "settings", b"colour=blue")
    producer.flush(3)


def keep_settings(cluster: Cluster, rng: random.Random) -> None:
    """A program writes settings, with keys."""
    producer = cluster.producer("nightly")
    for number in range(rng.randint(5, 40)):
        producer.produce("settings", key=str(number).encode(), value=rng.randbytes(50))
    producer.flush(3)


def mistype_password(cluster: Cluster, rng: random.Random) -> None:
    """A person types a wrong password once or twice."""
    login(cluster, "people", "recroded", 0.3)


def knock(cluster: Cluster, rng: random.Random) -> None:
    """A port scanner, or a browser, at the wrong port."""
    with socket.create_connection(("127.0.0.1", rng.choice(cluster.nodes).internal), timeout=3) as link:
        link.sendall(rng.choice((b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")))
        time.sleep(0.2)


def reset_offsets(cluster: Cluster, rng: random.Random) -> None:
    """A person clears old records, or removes an old group."""
    admin = cluster.admin()
    if rng.random() < 0.5:
        part = TopicPartition(rng.choice(SERVICE_TOPICS), rng.randint(0, 2), rng.randint(1, 50))
        next(iter(admin.delete_records([part]).values())).result(10)
    else:
        group = f"console-consumer-{rng.randint(1, 999)}"
        admin.delete_consumer_groups([group])[group].result(10)


def grow_topic(cluster: Cluster, rng: random.Random) -> None:
    """A planned partition more for the audit topic."""
    admin = cluster.admin()
    count = len(admin.list_topics("audit", timeout=10).topics["audit"].partitions)
    admin.create_partitions([NewPartitions("audit", count + 1)])["audit"].result(10)


DEEDS: tuple[tuple[float, Deed], ...] = (
    (0.27, peek), (0.05, peek_and_vanish), (0.20, pay), (0.09, nightly_job), (0.06, change_setting),
    (0.08, ask_for_too_much), (0.06, forget_key), (0.05, keep_settings), (0.06, mistype_password), (0.05, knock),
    (0.03, reset_offsets),
)  # fmt: skip


def arrive(cluster: Cluster, rng: random.Random) -> None:
    """One deed, drawn by how often each kind comes; what the server refuses is what the client deserves."""
    (deed,) = rng.choices([deed for _, deed in DEEDS], [share for share, _ in DEEDS])
    try:
        deed(cluster, rng)
    except (KafkaException, OSError):
        return


def login(cluster: Cluster, user: str, password: str, seconds: float) -> None:
    """Try to log in with `password`, over and over for so long."""
    producer = cluster.producer(user, password, reconnect_backoff_ms=100, reconnect_backoff_max_ms=300)
    producer.poll(seconds)


def set_config(cluster: Cluster, topic: str, name: str, value: str) -> None:
    """Set one setting of a topic."""
    entry = ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[entry])
    admin = cluster.admin()  # must outlive its futures
    admin.incremental_alter_configs([resource])[resource].result(10)


def _produce(producer: Producer, topic: str, body: bytes) -> None:
    """Send one record; what does not fit, or has no topic while that is away, is dropped."""
    try:
        producer.produce(topic, body)
    except (BufferError, KafkaException):
        producer.poll(0.2)
