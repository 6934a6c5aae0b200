"""Mail that people and programs send when all is well, with their mistakes."""

from __future__ import annotations

import random
import smtplib
import socket
import threading
import time
from dataclasses import dataclass, field

from datasets.record.address import address_of
from datasets.record.ledger import Incident, Ledger
from datasets.record.postfix.post import Post
from datasets.record.postfix.server import ALIASES, DOMAIN, PARTNERS, USERS, Server
from datasets.record.postfix.sink import Mail, Sink


@dataclass
class World:
    """The server, its neighbours and the books of one recording."""

    server: Server
    post: Post = field(default_factory=Post)
    ledger: Ledger[str] = field(default_factory=Ledger)
    partners: dict[str, Sink] = field(default_factory=dict)
    filter: Sink = field(default_factory=lambda: Sink(0))
    cutting: Incident | None = None
    greeted: set[tuple[str, str]] = field(default_factory=set)

    def start(self) -> None:
        """Start the partners and the filter."""
        self.filter = Sink(self.server.filter_port, take=self._scan)
        self.partners = {n: Sink(self.server.partner_ports[n], take=self._receive, judge=_judge) for n in PARTNERS}
        self.partners["grey.example"].judge = self._greylist
        for sink in (self.filter, *self.partners.values()):
            sink.start()

    def stop(self) -> None:
        """Stop them."""
        for sink in (self.filter, *self.partners.values()):
            sink.stop()

    def _receive(self, mail: Mail) -> str:
        for recipient in mail.recipients:
            self.post.delivered(mail.id, recipient, mail.when)
        return f"250 2.0.0 Ok: queued as {random.getrandbits(32):08x}"

    def _scan(self, mail: Mail) -> str:
        """Read a message and give it back, as content filters do."""
        with smtplib.SMTP("127.0.0.1", self.server.back_port, timeout=20) as back:
            client = address_of(back.sock)
            back.ehlo("filter")
            back.mail(mail.sender)
            for recipient in mail.recipients:
                back.rcpt(recipient)
            self.post.filtered(mail.id, client)
            code, text = back.data(mail.data)
        return f"{code} {text.decode()}"

    def _greylist(self, sender: str, recipient: str) -> str | None:
        pair = (sender, recipient)
        if pair in self.greeted:
            return None
        self.greeted.add(pair)
        return "450 4.2.0 Greylisted, try again in a moment"


def arrive(world: World, rng: random.Random) -> None:
    """One message, drawn by how often each kind comes."""
    (kind,) = rng.choices([kind for _, kind in KINDS], [share for share, _ in KINDS])
    try:
        kind(world, rng)
    except (smtplib.SMTPException, OSError):
        return  # the server said no, or was away: what it logged is what there is


def to_colleague(world: World, rng: random.Random) -> None:
    """To one or two mailboxes here, sometimes through an alias."""
    if rng.random() < 0.2:
        alias = rng.choice(list(ALIASES))
        due = tuple(f"{user}@{DOMAIN}" for user in ALIASES[alias])
        send(world, rng, [f"{alias}@{DOMAIN}"], due)
    else:
        people = [f"{user}@{DOMAIN}" for user in rng.sample(USERS, rng.choice((1, 1, 1, 2)))]
        send(world, rng, people, tuple(people), source=_stranger(rng) if rng.random() < 0.3 else None)


def to_partner(world: World, rng: random.Random) -> None:
    """To a partner's mailbox."""
    people = [f"p{rng.randint(1, 60)}@{rng.choice(('partner.example', 'supplier.example'))}"]
    send(world, rng, people, tuple(people))


def to_grey(world: World, rng: random.Random) -> None:
    """To a partner that turns strangers away once."""
    people = [f"g{rng.randint(1, 500)}@grey.example"]
    send(world, rng, people, tuple(people), patient=True, note="greylisted, then taken")


def to_nobody(world: World, rng: random.Random) -> None:
    """To a partner's mailbox that is full or unknown, or to a domain mistyped: the mail comes back."""
    wish = rng.choice(
        ("unknown.partner@partner.example", "full@supplier.example", "p1@partnre.example", "p2@suplier.example")
    )
    send(world, rng, [wish], (), scanned=True, note="mistaken recipient, returned")


def to_many(world: World, rng: random.Random) -> None:
    """A newsletter to the club and to colleagues; some members are slow or busy at first."""
    people = [f"member{i}@club.example" for i in rng.sample(range(1, 80), rng.randint(3, 7))]
    people += [f"{user}@{DOMAIN}" for user in rng.sample(USERS, 2)]
    busy = rng.random() < 0.25
    if busy:
        people.append(f"busy{rng.randint(1, 999)}@club.example")
    send(world, rng, people, tuple(people), patient=busy, note="member busy, then taken" if busy else None)


def with_typo(world: World, rng: random.Random) -> None:
    """One recipient does not exist, or is elsewhere and not for us to relay; the others get it."""
    people = [f"{rng.choice(USERS)}@{DOMAIN}"]
    outside = rng.random() < 0.6
    wrong = "somebody@elsewhere.example" if outside else f"usr{rng.randint(1, 9)}@{DOMAIN}"
    source = _stranger(rng) if outside else None
    send(world, rng, [people[0], wrong], tuple(people), note="wrong second recipient", source=source)


def spam(world: World, rng: random.Random) -> None:
    """Unwanted mail, refused or thrown away by its subject."""
    subject = rng.choice(("you won the lottery", "bingo night"))
    send(world, rng, [f"{rng.choice(USERS)}@{DOMAIN}"], (), subject=subject, note="spam", source=_stranger(rng))


def too_big(world: World, rng: random.Random) -> None:
    """An attachment beyond the limit."""
    send(world, rng, [f"{rng.choice(USERS)}@{DOMAIN}"], (), size=90000, note="message too big")


def changed_mind(world: World, rng: random.Random) -> None:
    """A program that asks whether a recipient is good, and leaves."""
    with smtplib.SMTP("127.0.0.1", world.server.port, timeout=20, source_address=(_client(rng), 0)) as link:
        world.post.notes[address_of(link.sock)] = "recipient asked for only"
        link.ehlo("app")
        link.mail(f"{rng.choice(USERS)}@{DOMAIN}")
        link.rcpt(f"{rng.choice(USERS)}@{DOMAIN}")
        if rng.random() < 0.4:
            link.sock.shutdown(socket.SHUT_RDWR)


KINDS = (
    (0.36, to_colleague), (0.24, to_partner), (0.08, to_grey), (0.07, to_nobody), (0.06, to_many), (0.06, with_typo),
    (0.04, spam), (0.03, too_big), (0.05, changed_mind),
)  # fmt: skip


def send(
    world: World, rng: random.Random, people: list[str], due: tuple[str, ...], *, patient: bool = False,
    scanned: bool = False, note: str | None = None, subject: str = "hello", size: int = 0, source: str | None = None,
) -> None:  # fmt: skip
    """Send one message; `due` are those who must have it, `patient` when it may take its time by plan, and `scanned`
    when the filter must see it though nobody will have it."""
    name = f"{rng.getrandbits(40):x}.{rng.getrandbits(32):x}@client"
    origin = source or _client(rng)
    sender = f"{rng.choice(USERS)}@{DOMAIN}" if source is None else f"s{rng.randint(1, 99)}@outside.example"
    with smtplib.SMTP("127.0.0.1", world.server.port, timeout=25, source_address=(origin, 0)) as link:
        client = address_of(link.sock)
        if note:
            world.post.notes[client] = note
        link.ehlo("client")
        link.mail(sender)
        for recipient in people:
            link.rcpt(recipient)
        text = f"From: <{sender}>\r\nTo: <{people[0]}>\r\nSubject: {subject}\r\nMessage-ID: <{name}>\r\n\r\n"
        body = text + ("lorem ipsum dolor\r\n" * ((size or rng.randint(200, 9000)) // 19))
        if world.cutting:
            world.post.struck[client] = world.cutting
            _cut_in_data(link, body)
            return
        scanned = scanned or bool(due)
        world.post.sent(name, client, due, patient, scanned)
        code, _ = link.data(body)
        if code != 250 and scanned:
            world.post.first[name].due = ("filter", "accepted")


def _client(rng: random.Random) -> str:
    """One of our own clients."""
    return f"127.0.2.{rng.randint(11, 40)}"


def _stranger(rng: random.Random) -> str:
    """A server of somebody else."""
    return f"127.0.3.{rng.randint(2, 9)}"


def _cut_in_data(link: smtplib.SMTP, body: str) -> None:
    """The connection ends in the middle of a message."""
    link.docmd("DATA")
    link.sock.sendall(body[: len(body) // 2].encode())
    time.sleep(0.3)
    link.sock.shutdown(socket.SHUT_RDWR)


def _judge(sender: str, recipient: str) -> str | None:
    name = recipient.split("@")[0]
    if name.startswith("unknown"):
        return f"550 5.1.1 <{recipient}>: Recipient address rejected: User unknown"
    if name == "full":
        return f"552 5.2.2 <{recipient}>: mailbox full"
    if name.startswith("busy") and recipient not in _SEEN:
        with _LOCK:
            _SEEN.add(recipient)
        return "452 4.3.1 Insufficient system storage, try later"
    return None


_SEEN: set[str] = set()
_LOCK = threading.Lock()
