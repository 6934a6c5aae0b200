"""One Kafka node (KRaft): its jars, settings, log format and process."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from datasets.record.errors import RecordError
from datasets.record.process import Process, free_port, run, wait_for_port

VERSION = "4.1.0"
USERS = ("orders", "payments", "reports", "nightly", "people")
PASSWORD = "recorded"
_POM = """<project><modelVersion>4.0.0</modelVersion><groupId>r</groupId><artifactId>r</artifactId><version>1</version>
<dependencies><dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId>
<version>{kafka}</version></dependency><dependency><groupId>org.apache.logging.log4j</groupId>
<artifactId>log4j-slf4j-impl</artifactId><version>2.24.3</version></dependency></dependencies></project>
"""
# One record a line: line breaks within messages and exceptions become blanks. Left out are state changes and the log
# cleaner, for which Kafka has files of their own by default, and the two fetcher managers' lists of partitions.
_LOGGING = r"""status = error
appender.out.type = Console
appender.out.name = out
appender.out.layout.type = PatternLayout
appender.out.layout.alwaysWriteExceptions = false
appender.out.layout.pattern = [%d{{yyyy-MM-dd HH:mm:ss,SSS}}] node-{id} %p %replace{{%m}}{{[\r\n\t]+}}{{ }} %replace{{%throwable{{short}}}}{{[\r\n\t]+}}{{ }}(%c)%n
rootLogger.level = info
rootLogger.appenderRef.out.ref = out
logger.config.name = org.apache.kafka.common.config
logger.config.level = warn
logger.server.name = kafka.server.KafkaConfig
logger.server.level = warn
logger.state.name = state.change.logger
logger.state.level = warn
logger.cleaner.name = org.apache.kafka.storage.internals.log.Cleaner
logger.cleaner.level = warn
logger.cleaning.name = org.apache.kafka.storage.internals.log.LogCleaner
logger.cleaning.level = warn
logger.fetchers.name = kafka.server.ReplicaFetcherManager
logger.fetchers.level = warn
logger.movers.name = kafka.server.ReplicaAlterLogDirsManager
logger.movers.level = warn
"""  # noqa: E501


@dataclass(frozen=True)
class Plan:
    """Ports and cluster id that all nodes must agree on."""

    cluster: str
    controller: int


class Node:
    """One node. Node 1 is broker and controller, the others are brokers.

    :param disks: data directories; the first holds the metadata log too.
    """

    def __init__(self, number: int, plan: Plan, home: Path, disks: list[Path]) -> None:
        self.number, self.plan, self.home, self.disks = number, plan, home, disks
        self.internal, self.client = free_port(), free_port()
        self.log = home / f"node-{number}.log"
        self._settings = home / f"node-{number}.properties"
        logging = home / f"node-{number}-log4j2.properties"
        home.mkdir(parents=True, exist_ok=True)
        logging.write_text(_LOGGING.format(id=number))
        self._settings.write_text("".join(f"{k}={v}\n" for k, v in self._properties().items()))
        java = ["java", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Duser.timezone=UTC"]
        java += ["-XX:-UsePerfData", f"-Dlog4j2.configurationFile={logging}", "-cp", f"{jars()}/*"]
        self._java = java
        self.process = Process([*java, "kafka.Kafka", str(self._settings)], self.log)

    def format(self) -> None:
        """Prepare the data directories."""
        run([*self._java, "kafka.tools.StorageTool", "format", "-t", self.plan.cluster, "-c", str(self._settings)])

    def start(self, within_s: float = 60.0) -> None:
        """Start, and wait until clients can connect."""
        self.process.start()
        wait_for_port(self.client, within_s)

    def _properties(self) -> dict[str, object]:
        main = self.number == 1
        listeners = {"INTERNAL": self.internal, "CLIENT": self.client}
        every = {**listeners, "CONTROLLER": self.plan.controller} if main else listeners
        logins = " ".join(f'user_{user}="{PASSWORD}"' for user in USERS)
        return {
            "process.roles": "broker,controller" if main else "broker",
            "node.id": self.number,
            "controller.quorum.voters": f"1@127.0.0.1:{self.plan.controller}",
            "controller.listener.names": "CONTROLLER",
            "listeners": ",".join(f"{name}://127.0.0.1:{port}" for name, port in every.items()),
            "advertised.listeners": ",".join(f"{name}://127.0.0.1:{port}" for name, port in listeners.items()),
            "listener.security.protocol.map": "INTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT,CLIENT:SASL_PLAINTEXT",
            "inter.broker.listener.name": "INTERNAL",
            "listener.name.client.sasl.enabled.mechanisms": "PLAIN",
            "listener.name.client.plain.sasl.jaas.config": "org.apache.kafka.common.security.plain.PlainLoginModule "
            f"required {logins};",
            "log.dirs": ",".join(str(disk) for disk in self.disks),
            **_SETTINGS,
        }


_SETTINGS = {
    "broker.session.timeout.ms": 4000, "broker.heartbeat.interval.ms": 1000, "replica.lag.time.max.ms": 3000,
    "auto.create.topics.enable": "false", "default.replication.factor": 2, "num.partitions": 2,
    "offsets.topic.num.partitions": 4, "offsets.topic.replication.factor": 2, "offsets.retention.minutes": 1,
    "transaction.state.log.num.partitions": 4, "transaction.state.log.replication.factor": 2,
    "transaction.state.log.min.isr": 1, "transaction.abort.timed.out.transaction.cleanup.interval.ms": 1500,
    "share.coordinator.state.topic.replication.factor": 1, "share.coordinator.state.topic.min.isr": 1,
    "group.initial.rebalance.delay.ms": 200, "group.min.session.timeout.ms": 2000,
    "log.retention.check.interval.ms": 5000, "log.segment.delete.delay.ms": 1500, "log.cleaner.backoff.ms": 5000,
    "max.connections.per.ip": 110, "leader.imbalance.check.interval.seconds": 20, "num.network.threads": 2,
    "num.io.threads": 4, "background.threads": 4, "log.cleaner.dedupe.buffer.size": 4000000,
    "offsets.retention.check.interval.ms": 10000, "delete.topic.enable": "true",
    "controlled.shutdown.enable": "true", "socket.request.max.bytes": 2000000,
}  # fmt: skip


def jars() -> Path:
    """The folder with Kafka's jars; Maven fetches them once.

    :raises RecordError: when Maven or Java is missing or cannot fetch them.
    """
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "fusionlog-record" / f"kafka-{VERSION}"
    if not (cache / f"kafka_2.13-{VERSION}.jar").exists():
        cache.mkdir(parents=True, exist_ok=True)
        (cache / "pom.xml").write_text(_POM.format(kafka=VERSION))
        try:
            run(["mvn", "-q", "-B", "dependency:copy-dependencies", f"-DoutputDirectory={cache}"], cwd=str(cache))
        except OSError as missing:
            raise RecordError("Maven is missing; run: apt-get install maven openjdk-17-jre-headless") from missing
    return cache
