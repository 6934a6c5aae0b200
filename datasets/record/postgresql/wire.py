"""A small PostgreSQL client (protocol 3.0, simple queries), so that a session can also be cut short by intent."""

from __future__ import annotations

import contextlib
import hashlib
import socket
import struct

from datasets.record.address import Address, address_of
from datasets.record.link import Link


class PgError(Exception):
    """The server's ErrorResponse; `code` is its SQLSTATE."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code} {message}")
        self.code = code


class Connection(Link):
    """One client connection.

    :raises PgError: when the server refuses it; `address` then still tells which connection it was.
    """

    def __init__(self, port: int, source: str) -> None:
        super().__init__(port, source)
        self.pid = 0
        self._secret = 0

    def login(self, user: str, password: str, database: str, application: str) -> None:
        """Authenticate (md5 or trust) and wait until the server is ready."""
        pairs = {"user": user, "database": database, "application_name": application}
        body = struct.pack("!i", 196608) + b"".join(f"{k}\0{v}\0".encode() for k, v in pairs.items()) + b"\0"
        self._socket.sendall(struct.pack("!i", len(body) + 4) + body)
        while True:
            kind, data = self._message()
            if kind == b"R":
                self._authenticate(data, user, password)
            elif kind == b"K":
                self.pid, self._secret = struct.unpack("!ii", data)
            elif kind == b"Z":
                return

    def query(self, sql: str) -> list[tuple[str | None, ...]]:
        """Run one simple query and return its rows as text.

        :raises PgError: when the server reports an error.
        :raises OSError: when the connection is gone.
        """
        self._send(b"Q", sql.encode() + b"\0")
        return self._result()

    def copy_in(self, sql: str, rows: list[str]) -> None:
        """Run a COPY FROM STDIN and feed it `rows`."""
        self._send(b"Q", sql.encode() + b"\0")
        kind, _ = self._message()
        if kind == b"G":
            self._send(b"d", "".join(row + "\n" for row in rows).encode())
            self._send(b"c", b"")
        self._result()

    def cancel(self) -> Address:
        """Ask the server, over a connection of its own, to cancel the running query; its address is returned."""
        source = (self.address[0], 0)
        with socket.create_connection(("127.0.0.1", self.port), timeout=5, source_address=source) as other:
            other.sendall(struct.pack("!iiii", 16, 80877102, self.pid, self._secret))
            return address_of(other)

    def close(self) -> None:
        """Say goodbye and close."""
        with contextlib.suppress(OSError):
            self._send(b"X", b"")
        self._socket.close()

    def _authenticate(self, data: bytes, user: str, password: str) -> None:
        if struct.unpack("!i", data[:4])[0] == 5:
            inner = hashlib.md5((password + user).encode()).hexdigest().encode()
            self._send(b"p", b"md5" + hashlib.md5(inner + data[4:8]).hexdigest().encode() + b"\0")

    def _result(self) -> list[tuple[str | None, ...]]:
        rows: list[tuple[str | None, ...]] = []
        failure: PgError | None = None
        while True:
            try:
                kind, data = self._message()
            except PgError as error:
                failure = error
                continue
            if kind == b"D":
                rows.append(_row(data))
            elif kind == b"Z":
                if failure:
                    raise failure
                return rows

    def _send(self, kind: bytes, body: bytes) -> None:
        self._socket.sendall(kind + struct.pack("!i", len(body) + 4) + body)

    def _message(self) -> tuple[bytes, bytes]:
        head = self._read(5)
        data = self._read(struct.unpack("!i", head[1:])[0] - 4)
        if head[:1] == b"E":
            fields = {part[:1]: part[1:].decode() for part in data.split(b"\0") if part}
            error = PgError(fields[b"C"], fields[b"M"])
            error.fatal = fields[b"S"] in ("FATAL", "PANIC")  # type: ignore[attr-defined]
            raise error
        return head[:1], data


def _row(data: bytes) -> tuple[str | None, ...]:
    values: list[str | None] = []
    at = 2
    for _ in range(struct.unpack("!h", data[:2])[0]):
        (size,) = struct.unpack("!i", data[at : at + 4])
        at += 4
        values.append(None if size < 0 else data[at : at + size].decode())
        at += max(size, 0)
    return tuple(values)
