"""Synthetic samples of the kinds of log that are common: interleaved requests, processes, hosts, access logs, JSON."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from uuid import UUID

STEPS = (
    "request received from {peer}", "user {user} is known", "stock of article {number} checked",
    "payment of {number} taken", "order written in {number} ms", "answer sent",
)  # fmt: skip
FAILURES = (
    "stock of article {number} is empty", "payment refused, code {number}", "connection to the bank lost, try {number}",
)  # fmt: skip
START = 1_772_000_000.0


class Step:
    """A line of a unit of work: when, in which unit, and what."""

    def __init__(self, time: float, unit: int, text: str) -> None:
        self.time, self.unit, self.text = time, unit, text

    def clock(self, form: str) -> str:
        """The time, in a format of strftime with milliseconds as %3."""
        moment = datetime.fromtimestamp(self.time, UTC)
        return moment.strftime(form.replace("%3", f"{moment.microsecond // 1000:03}"))


def units(count: int = 200, seed: int = 1) -> list[Step]:
    """The lines of units of work that overlap in time, in order."""
    random_ = random.Random(seed)
    steps = []
    for unit in range(count):
        now = START + unit * 0.4
        for text in _course(random_):
            now += random_.uniform(0.05, 0.6)
            steps.append(Step(now, unit, _filled(text, random_)))
    return sorted(steps, key=lambda step: step.time)


def ids(form: str, count: int = 200, seed: int = 2) -> list[str]:
    """Random ids: `hex16`, `hex32`, `uuid` or a text with a number, such as `P-{}`."""
    random_ = random.Random(seed)
    if form == "uuid":
        return [str(UUID(int=random_.getrandbits(128), version=4)) for _ in range(count)]
    if form.startswith("hex"):
        return [f"{random_.getrandbits(4 * int(form[3:])):0{form[3:]}x}" for _ in range(count)]
    return [form.format(random_.randint(1000, 99999)) for _ in range(count)]


def lines(form: Callable[[Step], str], steps: Sequence[Step] | None = None) -> list[bytes]:
    """A record a line."""
    return [form(step).encode() for step in (units() if steps is None else steps)]


def access_log(count: int = 1500, seed: int = 3) -> list[bytes]:
    """An access log of nginx: clients come and go, but a line stands for itself."""
    random_ = random.Random(seed)
    pages = ["/", "/cart", "/article/17", "/article/18", "/checkout", "/static/app.js", "/favicon.ico"]
    made = []
    for number in range(count):
        client = f"10.0.{random_.randint(0, 3)}.{random_.randint(1, 80)}"
        moment = Step(START + number * 0.3, 0, "").clock("%d/%b/%Y:%H:%M:%S")
        status, size = random_.choice([200] * 9 + [404, 502]), random_.randint(100, 9000)
        request = f"GET {random_.choice(pages)} HTTP/1.1"
        made.append(f'{client} - - [{moment} +0000] "{request}" {status} {size} "-" "curl/8.4"'.encode())
    return made


def written_json(step: Step, **fields: object) -> str:
    """A line of JSON with a time, a level, a message and fields."""
    return json.dumps({"ts": step.clock("%Y-%m-%dT%H:%M:%S.%3Z"), "level": "info", "msg": step.text, **fields})


def _course(random_: random.Random) -> Iterator[str]:
    for text in STEPS:
        if random_.random() < 0.08:
            yield random_.choice(FAILURES)
            return
        yield text


def _filled(text: str, random_: random.Random) -> str:
    peer = f"10.0.0.{random_.randint(1, 9)}"
    return text.format(peer=peer, user=random_.choice(["anna", "bert", "carl"]), number=random_.randint(1, 999))
