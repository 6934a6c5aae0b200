"""Apache Kafka for tests and benchmarks: jars by Maven into a cache, storage in a directory, one broker on loopback."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from pydantic import SecretStr

from fusionlog.errors import BrokerError
from fusionlog.kafka.client import partition_counts
from fusionlog.settings import KafkaSettings

VERSION = "4.1.0"
START_SECONDS = 60.0
PORTS = (20_000, 32_000)
JVM = ("-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn")

_POM = f"""<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>fusionlog</groupId><artifactId>kafka</artifactId><version>1</version>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>{VERSION}</version></dependency>
    <dependency><groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>1.7.36</version></dependency>
  </dependencies>
</project>
"""


class KafkaUnavailable(Exception):
    """Java or Maven is not installed, or the jars could not be had."""


def kafka_jars(cache: Path | None = None) -> Path:
    """The directory of Kafka's jars; resolved by Maven the first time, complete or absent at any moment.

    :raises KafkaUnavailable: Java or Maven is missing, or Maven failed.
    """
    home = (cache or Path.home() / ".cache/fusionlog") / f"kafka-{VERSION}"
    for program in ("java", "mvn"):
        if shutil.which(program) is None and (program == "java" or not home.is_dir()):
            raise KafkaUnavailable(f"{program} is not installed")
    if not home.is_dir():
        home.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=home.parent, prefix=".kafka-") as directory:
            _resolve(Path(directory))
            try:
                (Path(directory) / "jars").rename(home)
            except OSError:
                if not home.is_dir():  # another test run was quicker
                    raise
    return home


def _resolve(directory: Path) -> None:
    (directory / "pom.xml").write_text(_POM)
    command = ["mvn", "-q", "-B", "dependency:copy-dependencies", "-DoutputDirectory=jars", "-DincludeScope=runtime"]
    done = subprocess.run(command, cwd=directory, capture_output=True, text=True, timeout=600, check=False)
    if done.returncode != 0:
        raise KafkaUnavailable(f"Maven could not resolve Kafka {VERSION}: {done.stdout[-500:]}")


class ApacheKafka:
    """A single KRaft node. `stop`, `kill` (SIGKILL) and `start` again work on the same storage and the same port."""

    def __init__(self, directory: Path, jars: Path, login: tuple[str, str] | None = None) -> None:
        """`login` is the user name and password that its listener wants; none by default."""
        self.directory, self._jars, self._login = directory, jars, login
        self.port, self._controller_port = free_ports(2)
        self._process: subprocess.Popen[bytes] | None = None
        self._format()

    @property
    def bootstrap_servers(self) -> str:
        """host:port."""
        return f"127.0.0.1:{self.port}"

    @property
    def settings(self) -> KafkaSettings:
        """Settings for it, with short group timeouts."""
        plain = KafkaSettings(bootstrap_servers=self.bootstrap_servers, session_timeout=6, rebalance_timeout=6)
        if self._login is None:
            return plain
        user, password = self._login
        login = {"sasl_username": user, "sasl_password": SecretStr(password), "security_protocol": "SASL_PLAINTEXT"}
        return plain.model_copy(update=login)

    @property
    def pid(self) -> int:
        """The process of the broker that runs."""
        assert self._process is not None
        return self._process.pid

    @property
    def cpu_seconds(self) -> float:
        """Processor time that the broker took so far (`utime` and `stime` of Linux's proc(5), in clock ticks)."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def start(self) -> None:
        """Start, and return when it answers."""
        with (self.directory / "broker.log").open("ab") as log:
            self._process = subprocess.Popen(self._java("kafka.Kafka", self._config), stdout=log, stderr=log)
        try:
            self._wait()
        except BaseException:
            self.kill()
            raise

    def stop(self) -> None:
        """Stop in an orderly way."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(30)
            except subprocess.TimeoutExpired:
                self.kill()
            self._process = None

    def kill(self) -> None:
        """Kill it with SIGKILL, as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    @property
    def _config(self) -> Path:
        return self.directory / "server.properties"

    def _java(self, main: str, *arguments: object) -> Sequence[str]:
        return ["java", *JVM, "-cp", f"{self._jars}/*", main, *(str(argument) for argument in arguments)]

    def _format(self) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        text = _properties(self.directory / "data", self.port, self._controller_port)
        self._config.write_text(text if self._login is None else _with_login(text, *self._login))
        command = self._java("kafka.tools.StorageTool", "format", "-t", "MkU3OEVBNTcwNTJENDM2Qg", "-c", self._config)
        subprocess.run(command, check=True, capture_output=True, timeout=120)

    def _wait(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=1):
                    break
            except OSError:
                self._check(deadline)
                time.sleep(0.1)
        while True:
            try:
                asyncio.run(partition_counts(self.settings, 5))
                return
            except BrokerError:
                self._check(deadline)

    def _check(self, deadline: float) -> None:
        assert self._process is not None
        if self._process.poll() is not None or time.monotonic() > deadline:
            tail = (self.directory / "broker.log").read_text(errors="replace")[-2000:]
            raise KafkaUnavailable(f"Kafka did not start: {tail}")


def _with_login(properties: str, user: str, password: str) -> str:
    """Properties whose broker listener wants a login by SASL PLAIN."""
    module = "org.apache.kafka.common.security.plain.PlainLoginModule required"
    users = f'username="{user}" password="{password}" user_{user}="{password}"'
    return (
        properties.replace("PLAINTEXT://", "SASL_PLAINTEXT://").replace("=PLAINTEXT\n", "=SASL_PLAINTEXT\n")
        + "listener.security.protocol.map=SASL_PLAINTEXT:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT\n"
        + "sasl.enabled.mechanisms=PLAIN\nsasl.mechanism.inter.broker.protocol=PLAIN\n"
        + f"listener.name.sasl_plaintext.plain.sasl.jaas.config={module} {users};\n"
    )


def free_ports(count: int) -> list[int]:
    """Loopback ports that nobody listens on, all different.

    They lie below those that Linux gives to clients: a broker that is started again finds its own free.
    """
    found: list[int] = []
    while len(found) < count:
        port = random.randint(*PORTS)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        found += [port] if port not in found else []
    return found


def _properties(data: Path, port: int, controller: int) -> str:
    lines = {
        "process.roles": "broker,controller",
        "node.id": "1",
        "controller.quorum.voters": f"1@127.0.0.1:{controller}",
        "listeners": f"PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}",
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{port}",
        "controller.listener.names": "CONTROLLER",
        "inter.broker.listener.name": "PLAINTEXT",
        "log.dirs": str(data),
        "offsets.topic.replication.factor": "1",
        "offsets.topic.num.partitions": "4",
        "transaction.state.log.replication.factor": "1",
        "transaction.state.log.min.isr": "1",
        "transaction.state.log.num.partitions": "2",
        "share.coordinator.state.topic.replication.factor": "1",
        "share.coordinator.state.topic.min.isr": "1",
        "broker.session.timeout.ms": "2000",
        "broker.heartbeat.interval.ms": "500",
        "group.initial.rebalance.delay.ms": "0",
        "group.min.session.timeout.ms": "1000",
        "auto.create.topics.enable": "false",
    }
    return "".join(f"{name}={value}\n" for name, value in lines.items())
