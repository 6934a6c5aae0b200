"""A small AMQP 0-9-1 client, one channel a connection, so that a session can also be cut short by intent."""

from __future__ import annotations

import struct
import time
from typing import NamedTuple

from datasets.record.link import Link

_END = b"\xce"
_MESSAGE_ID, _CORRELATED = 0x0080, 0x1000


class AmqpError(Exception):
    """The broker closed the connection or the channel; `code` is its reply code."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(f"{code} {message}")
        self.code = code


class Message(NamedTuple):
    """A message that was fetched."""

    tag: int
    key: str
    id: str


class Connection(Link):
    """One connection.

    :raises AmqpError: when the broker closes it or its channel.
    """

    def __init__(self, port: int, patience_s: float = 3.0) -> None:
        super().__init__(port, patience_s=patience_s)
        self._confirms = False
        self.introduced = False

    @property
    def name(self) -> str:
        """As the broker names it."""
        return f"127.0.0.1:{self.address[1]} -> 127.0.0.1:{self.port}"

    def greet(self) -> None:
        """Send the protocol header and take the broker's greeting."""
        self._socket.sendall(b"AMQP\x00\x00\x09\x01")
        self._expect(10, 10)

    def login(self, user: str, password: str, vhost: str, program: str, heartbeat_s: int = 0) -> None:
        """Log in and open the virtual host and a channel."""
        self.greet()
        capabilities = _short("capabilities") + b"F" + _table(_short("authentication_failure_close") + b"t\x01")
        properties = _table(_short("connection_name") + b"S" + _long(program) + capabilities)
        self._send(10, 11, properties + _short("PLAIN") + _long(f"\0{user}\0{password}") + _short("en_US"))
        self.introduced = True
        channels, frame, _ = struct.unpack("!HIH", self._expect(10, 30)[:8])
        self._send(10, 31, struct.pack("!HIH", channels, frame, heartbeat_s))
        self._call(10, 40, _short(vhost) + _short("") + b"\0", 41)
        self._call(20, 10, _short(""), 11)

    def declare(self, queue: str, passive: bool = False, durable: bool = True, kind: str = "quorum") -> None:
        """Declare a queue, or ask whether it is there; `kind` is its type."""
        table = _table(b"" if passive else _short("x-queue-type") + b"S" + _long(kind))
        self._call(50, 10, struct.pack("!H", 0) + _short(queue) + bytes([passive + 2 * durable]) + table, 11)

    def purge(self, queue: str) -> None:
        """Throw away what waits in a queue."""
        self._call(50, 30, struct.pack("!H", 0) + _short(queue) + b"\0", 31)

    def delete(self, queue: str) -> None:
        """Delete a queue."""
        self._call(50, 40, struct.pack("!H", 0) + _short(queue) + b"\0", 41)

    def publish(self, exchange: str, key: str, id: str, confirmed: bool = True) -> None:
        """Publish one message, and wait until the broker has it."""
        if confirmed and not self._confirms:
            self._call(85, 10, b"\0", 11)
            self._confirms = True
        body = id.encode()
        properties = struct.pack("!HHQH", 60, 0, len(body), _CORRELATED | _MESSAGE_ID) + b"\x02" + _short(id)
        method = struct.pack("!HH", 60, 40) + struct.pack("!H", 0) + _short(exchange) + _short(key) + b"\0"
        self._socket.sendall(_frame(1, 1, method) + _frame(2, 1, properties) + _frame(3, 1, body))
        if self._confirms:
            self._expect(60, 80)

    def get(self, queue: str) -> Message | None:
        """Fetch a message, None where none waits."""
        self._send(60, 70, struct.pack("!H", 0) + _short(queue) + b"\0")
        number, body = self._method()
        if number == (60, 72):
            return None
        tag = struct.unpack("!Q", body[:8])[0]
        rest = _read_short(body[9:])[1]
        key, _ = _read_short(rest)
        self._frame()
        _, _, content = self._frame()
        return Message(tag, key, content.decode())

    def ack(self, tag: int) -> None:
        """Acknowledge a message; the broker does not answer."""
        self._send(60, 80, struct.pack("!QB", tag, 0))

    def put_back(self, tag: int) -> None:
        """Give a message back to its queue; the broker does not answer."""
        self._send(60, 120, struct.pack("!QB", tag, 2))

    def close(self) -> bool:
        """Say goodbye, and wait for the answer. False if there was none."""
        try:
            self._send(10, 50, struct.pack("!H", 200) + _short("bye") + struct.pack("!HH", 0, 0))
            self._expect(10, 51)
        except (OSError, AmqpError):
            return False
        finally:
            self._socket.close()
        return True

    def wait_for_end(self, within_s: float) -> None:
        """Wait in silence until the broker closes."""
        self._socket.settimeout(within_s)
        deadline = time.monotonic() + within_s
        while time.monotonic() < deadline and self._socket.recv(4096):
            pass

    def _call(self, group: int, number: int, body: bytes, answer: int) -> bytes:
        self._send(group, number, body)
        return self._expect(group, answer)

    def _send(self, group: int, number: int, body: bytes) -> None:
        self._socket.sendall(_frame(1, 0 if group == 10 else 1, struct.pack("!HH", group, number) + body))

    def _expect(self, group: int, number: int) -> bytes:
        """The body of the next method that is this one; others are passed over."""
        while True:
            found, body = self._method()
            if found == (group, number):
                return body

    def _method(self) -> tuple[tuple[int, int], bytes]:
        while True:
            kind, _, body = self._frame()
            if kind == 1:
                break
        found = struct.unpack("!HH", body[:4])
        if found in ((10, 50), (20, 40)):
            code = struct.unpack("!H", body[4:6])[0]
            self._send(found[0], found[1] + 1, b"")
            raise AmqpError(code, _read_short(body[6:])[0])
        return found, body[4:]

    def _frame(self) -> tuple[int, int, bytes]:
        kind, channel, size = struct.unpack("!BHI", self._read(7))
        return kind, channel, self._read(size + 1)[:-1]


def _frame(kind: int, channel: int, body: bytes) -> bytes:
    return struct.pack("!BHI", kind, channel, len(body)) + body + _END


def _short(text: str) -> bytes:
    return bytes([len(text.encode())]) + text.encode()


def _long(text: str) -> bytes:
    return struct.pack("!I", len(text.encode())) + text.encode()


def _table(entries: bytes) -> bytes:
    return struct.pack("!I", len(entries)) + entries


def _read_short(body: bytes) -> tuple[str, bytes]:
    size = body[0]
    return body[1 : 1 + size].decode(), body[1 + size :]
