"""A small SMTP server that takes mail, and misbehaves on demand: the partners, and the content filter."""

from __future__ import annotations

import contextlib
import re
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

Reply = str
Judge = Callable[[str, str], Reply | None]
"""(sender, recipient) to a refusal such as '550 5.1.1 unknown', or None to accept."""


@dataclass(frozen=True)
class Mail:
    """One accepted message."""

    id: str
    sender: str
    recipients: tuple[str, ...]
    data: bytes
    when: float


@dataclass
class Sink:
    """Listens on loopback `port`.

    :param judge: asked at each RCPT.
    :param take: called with each accepted message before it is acknowledged; returns the reply.
    """

    port: int
    judge: Judge = lambda sender, recipient: None
    take: Callable[[Mail], Reply] = lambda mail: "250 2.0.0 Ok: taken"
    hangs: bool = False
    drops: bool = False
    busy: bool = False
    delay_s: float = 0.0
    mails: list[Mail] = field(default_factory=list)
    _listener: socket.socket | None = None
    _open: set[socket.socket] = field(default_factory=set)

    def start(self) -> None:
        """Listen."""
        self._listener = socket.create_server(("127.0.0.1", self.port), backlog=50)
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def stop(self) -> None:
        """Stop at once: the port refuses, and open connections end in the middle of things."""
        listener, self._listener = self._listener, None
        for link in [*([listener] if listener else []), *self._open]:
            with contextlib.suppress(OSError):
                link.shutdown(socket.SHUT_RDWR)
            link.close()
        self._open.clear()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                link, _ = listener.accept()
            except OSError:
                return
            self._open.add(link)
            threading.Thread(target=self._serve, args=(link,), daemon=True).start()

    def _serve(self, link: socket.socket) -> None:
        try:
            with link, link.makefile("rwb") as stream:
                Dialogue(self, stream).run()
        except (OSError, ValueError):
            pass
        finally:
            self._open.discard(link)


class Dialogue:
    """One SMTP connection."""

    def __init__(self, sink: Sink, stream) -> None:  # type: ignore[no-untyped-def]
        self.sink, self.stream = sink, stream
        self.sender, self.recipients = "", [""][:0]

    def run(self) -> None:
        """Answer until the client leaves."""
        while self.sink.hangs:
            time.sleep(0.2)
        if self.sink.busy:
            return self._say("421 4.3.2 Service shutting down for maintenance, try again later")
        self._say("220 mx ESMTP")
        for raw in self.stream:
            line = raw.decode("utf-8", "replace").strip()
            verb = line[:4].upper()
            if verb == "QUIT":
                return self._say("221 2.0.0 Bye")
            if verb == "DATA":
                if not self._data():
                    return None
            else:
                self._say(self._answer(verb, line))
        return None

    def _answer(self, verb: str, line: str) -> Reply:
        address = (re.search(r"<(.*?)>", line) or [None, ""])[1] or ""
        if verb in ("MAIL", "RSET"):
            self.sender, self.recipients = address, []
        if verb == "RCPT":
            refusal = self.sink.judge(self.sender, address)
            if refusal:
                return refusal
            self.recipients.append(address)
        return "250 2.1.0 Ok"

    def _data(self) -> bool:
        if not self.recipients:
            self._say("503 5.5.1 no valid recipients")
            return True
        self._say("354 go on")
        body = bytearray()
        for raw in self.stream:
            if raw.rstrip(b"\r\n") == b".":
                break
            body += raw
        time.sleep(self.sink.delay_s)
        found = re.search(rb"(?im)^message-id:\s*<([^>]+)>", bytes(body))
        name = found[1].decode() if found else ""
        mail = Mail(name, self.sender, tuple(self.recipients), bytes(body), time.time())
        self.sink.mails.append(mail)
        reply = self.sink.take(mail)
        if self.sink.drops:
            return False
        self._say(reply)
        return True

    def _say(self, reply: Reply) -> None:
        self.stream.write(reply.encode() + b"\r\n")
        self.stream.flush()
