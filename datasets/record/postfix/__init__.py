"""Record Postfix: clients, a content filter, mailboxes and partners; sessions by queue id."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from datetime import UTC, datetime

from datasets.record.address import Address, directory
from datasets.record.ledger import Incident
from datasets.record.place import Place, place
from datasets.record.postfix.faults import EARLY, LATE
from datasets.record.postfix.load import World, arrive
from datasets.record.postfix.post import SOON_S, Hop
from datasets.record.postfix.server import DOMAIN, Server
from datasets.record.recording import Cause, Recording, by_key, joined
from datasets.record.spec import SystemSpec
from datasets.record.timeline import Crew, Script, drive

SPEC = SystemSpec(
    name="postfix",
    description="Postfix 3.7 of a firm: mail goes through a content filter (127.0.0.1, which gives it back under a "
    "second queue id and names that in its answer), then to mailboxes of post.example or to partners. A session is all "
    "lines of one queue id.",
    header="<Month> <Day> <Time> <Host> <Component>: <Content>",
    session=r"\]: (?:warning: )?([0-9B-DF-HJ-NP-TV-Zb-df-hj-np-tv-z]{11,20}): ",
    policy="Alert when a message is lost, ends in the middle, is damaged, given up after too long, delivered again and "
    "again, or held up by our own side: the filter, the mailboxes, the queue. Not when a partner says try later and "
    "takes it on a later try, nor on unknown or full recipients and mistyped domains (the mail is returned), refused "
    "recipients beside good ones, spam refused or thrown away, mail too big, clients that only ask, mail held and "
    "released by an administrator, restarts.",
)
_GREETING = re.compile(r"smtpd\[\d+\]: (dis)?connect from ")
"""Lines about a client's coming and going; they carry no queue id, and the collector drops them."""
SCRIPT = Script(EARLY, LATE, arrive, rate=1.9, calm_s=25)
"""Messages; nearly each becomes two sessions, before the filter and after it."""


def record(seed: int, total_s: float) -> Recording:
    """Record for `total_s` seconds."""
    with place("mailboxes", 60) as here:
        server = Server(here.home, here.disk)
        world, crew = World(server), Crew()
        try:
            server.create()
            world.start()
            server.start()
            drive(SCRIPT, world, random.Random(seed), total_s, crew)
            crew.join(30)
            _collect_mailboxes(world)
            server.stop()
        finally:
            server.process.end()
            world.stop()
        return _recording(world, here)


def _collect_mailboxes(world: World) -> None:
    """Book what stands in the mailboxes, by the time each file was written."""
    found = []
    for path in (world.server.disk / DOMAIN).glob("*/new/*"):
        match = re.search(rb"(?im)^message-id:\s*<([^>]+)>", path.read_bytes()[:2000])
        if match:
            found.append((path.stat().st_mtime, match[1].decode(), f"{path.parts[-3]}@{DOMAIN}"))
    for when, name, recipient in sorted(found):
        world.post.delivered(name, recipient, when)
        if name.endswith("@mail." + DOMAIN):
            world.post.returned[name.split("@")[0]] = when


def _recording(world: World, here: Place) -> Recording:
    text = here.read(world.server.log)
    lines = [re.sub(r"^(\w+ +\d+ \S+) \S+", r"\1 mail", line) for line in joined(text.splitlines())]
    lines = [line for line in lines if not _GREETING.search(line)]
    ids = directory(lines, r": client=\S+\[([\d.]+)\]:(\d+)", SPEC.key, _written)
    causes = {key: Cause("mail held for a look", False) for key in world.post.held}
    causes |= {key: Cause(note, False) for key, note in ids.named(world.post.notes).items()}
    departed = ids.named(dict(_departures(world)))
    causes |= {key: cause for key, cause in departed.items() if cause.fault or key not in causes}
    causes |= _late_notifications(world, lines)
    struck = {**ids.named(world.post.struck), **world.post.struck_ids}
    causes |= {key: Cause.of(incident) for key, incident in struck.items()}
    return Recording(SPEC, lines, by_key(lines, SPEC), causes)


def _departures(world: World) -> Iterator[tuple[Address, Cause]]:
    """Hops that left their plan, with the incident of that time."""
    hops: list[Hop] = [*world.post.first.values(), *(hop for group in world.post.second.values() for hop in group)]
    for hop in hops:
        wrong = hop.fault()
        if wrong is None:
            continue
        incident = _blame(world, hop.began, wrong)
        yield hop.client, incident or Cause(f"unexplained: {wrong}", False)


def _late_notifications(world: World, lines: list[str]) -> dict[str, Cause]:
    """Notifications that came late to a mailbox. Their beginning is that of their first line, to a second."""
    late: dict[str, Cause] = {}
    began: dict[str, float] = {}
    for line in lines:
        key = SPEC.key(line)
        if key in world.post.returned and key not in began:
            began[key] = _written(line)
    for key, start in began.items():
        incident = _blame(world, start, "late")
        if world.post.returned[key] - start > SOON_S + 1.0 and incident:
            late[key] = incident
    return late


def _written(line: str) -> float:
    """When a line was written, in seconds since the epoch; the log's clock has no year and no part of a second."""
    year = datetime.now(UTC).year
    return datetime.strptime(f"{year} {line[:15]}+0000", "%Y %b %d %H:%M:%S%z").timestamp()


def _blame(world: World, began: float, wrong: str) -> Cause | None:
    """The incident active while that should have been done. A partner's absence counts only if mail is lost."""
    until = began + SOON_S
    near: list[Incident] = [i for i in world.ledger.incidents if i.start <= until and i.end + 1.0 >= began]
    if not near:
        return None
    incident = max(near, key=lambda i: (i.fault, i.start))
    outlived = wrong == "late" and incident.name.startswith("partner away")
    return Cause(incident.name, incident.fault and not outlived)
