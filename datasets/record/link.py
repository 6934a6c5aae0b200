"""A client's connection that can be cut short by intent; the protocols build on it."""

from __future__ import annotations

import socket
import struct

from datasets.record.address import address_of


class Link:
    """One connection from `source` (an address of 127.0.0.0/8) to `port` on loopback.

    :param patience_s: how long an answer is waited for; then `TimeoutError`, an `OSError`.
    """

    def __init__(self, port: int, source: str = "127.0.0.1", patience_s: float = 30.0) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=patience_s, source_address=(source, 0))
        self.address = address_of(self._socket)
        self.port = port
        self._buffer = b""

    def cut(self, reset: bool = False) -> bool:
        """Drop the connection without a goodbye: by a reset, or by its mere end. False if it was gone already."""
        try:
            if reset:
                self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._socket.shutdown(socket.SHUT_RD if reset else socket.SHUT_RDWR)  # wakes a reader in another thread
            self._socket.close()
        except OSError:
            return False
        return True

    def send_junk(self, data: bytes) -> None:
        """Send bytes that are not of the protocol."""
        self._socket.sendall(data)

    def _read(self, count: int) -> bytes:
        """The next `count` bytes.

        :raises ConnectionResetError: when the server closed before.
        """
        while len(self._buffer) < count:
            part = self._socket.recv(65536)
            if not part:
                raise ConnectionResetError("the server closed the connection")
            self._buffer += part
        taken, self._buffer = self._buffer[:count], self._buffer[count:]
        return taken
