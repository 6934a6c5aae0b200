"""Mutated JSON and bytes: fields, types, nesting, sizes, numbers at their limits, and raw bytes.

All of it is drawn from a `Random`: hypothesis gives one that it can shrink, a seed gives one that is quick.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from random import Random
from typing import Any

SECRET = "sk-fuzz-4f9c2b7e1d6a8035c4e2f7"  # pragma: allowlist secret
"""Stands in values that are secret: no sentence may hold it."""

TEXTS = (
    "",
    " ",
    "\n",
    "\x00",
    "a\x00b",
    "\r\n\r\n",
    "\ud800",
    "x\udfffy",
    "\ufeff",
    "\u2028",
    "é",
    "日本語",
    "💥",
    "\x1b[31m",
    "%s %(x)s",
    "{}",
    "{0.__class__}",
    "../../etc/passwd",
    "*",
    "<KEY>",
    "<*>",
    "null",
    "true",
    "NaN",
    "-1",
    "1e999",
    "0x10",
    "1_000",
    "٣",
    "2024-02-30T25:61:61Z",
    "2024-05-01T10:00:00Z",
    "10000-01-01",
    "P1D",
    "[",
    '{"a":',
    "&a *a",
    "shop/../x",
    "a" * 300,
    "é" * 5_000,
    "1" * 5_000,
    "ab " * 400,
    "{[" * 200,
    "\\u0000",
    "\\ud83d",
    "a\tb",
    "=",
    "a=b=c",
)
NUMBERS: tuple[int | float, ...] = (
    0,
    1,
    -1,
    2,
    7,
    255,
    256,
    10_000,
    10_001,
    2**31 - 1,
    2**31,
    -(2**31),
    2**53,
    2**53 + 1,
    2**63 - 1,
    2**63,
    -(2**63),
    2**64,
    10**25,
    -(10**25),
    10**400,
    0.0,
    -0.0,
    0.5,
    1.0,
    1.0000000001,
    1e-9,
    5e-324,
    1e16,
    1e22,
    253402300799.0,
    253402300800.0,
    1e300,
    1.7976931348623157e308,
    -1e308,
    float("inf"),
    float("-inf"),
    float("nan"),
)
TOKENS = (
    b"1e999",
    b"-1e999",
    b"NaN",
    b"1" * 400,
    b"1" * 5_000,
    b"-0",
    b"1E-999",
    b"00",
    b"0.",
    b"null",
    b"true",
    b'"',
    b"{",
    b"}",
    b"[" * 3_000,
    b"]" * 50,
    b'{"a":' * 2_000,
    b"\\",
    b"\\u0000",
    b'"\\ud800"',
    b"\xff",
    b"\xfe\xff",
    b"\xef\xbb\xbf",
    b"\x00",
    b"\n",
    b"\r",
    b",",
    b":",
    b" " * 500,
    b"\x1f\x8b",
    b"\xf0\x9f\x92",
    b"0x1",
    b"'",
    b"/*",
    b"\x85",
)
"""What is put into the bytes of a record."""
LONGEST = 200_000
"""Bytes of a mutated record, at most."""
DEPTHS = (3, 40, 400, 1_500)


def text(random: Random) -> str:
    """Any text."""
    if random.random() < 0.6:
        return random.choice(TEXTS)
    kinds = ("abc", "0123456789", " \t\n", "=:/.,;[]{}()<>\"'|-_#", "éßÄ日💥\u00a0\u200b", "\x00\x07\x1b\x7f\x85")
    return "".join(random.choice(random.choice(kinds)) for _ in range(random.randint(0, 12)))


def number(random: Random) -> int | float:
    """Any number, mostly one at a limit."""
    if random.random() < 0.7:
        return random.choice(NUMBERS)
    return random.choice((random.randint(-5, 70_000), random.uniform(-2.0, 2.0)))


def nested(random: Random) -> Any:
    """A value that is nested deeply."""
    value: Any = random.choice((None, 1, "x", [], {}))
    for _ in range(random.choice(DEPTHS)):
        value = [value] if random.random() < 0.5 else {"a": value}
    return value


def value(random: Random, depth: int = 0) -> Any:
    """Any JSON value."""
    kind = random.randint(0, 9 if depth < 3 else 6)
    if kind <= 1:
        return random.choice((None, True, False, [], {}))
    if kind <= 3:
        return number(random)
    if kind <= 6:
        return text(random)
    if kind == 7:
        return [value(random, depth + 1) for _ in range(random.randint(0, 4))]
    if kind == 8:
        return {text(random): value(random, depth + 1) for _ in range(random.randint(0, 4))}
    return nested(random) if depth == 0 and random.random() < 0.2 else number(random)


def _holders(tree: Any, depth: int = 0) -> Iterator[dict[str, Any] | list[Any]]:
    """The objects and arrays of a value."""
    if isinstance(tree, dict | list) and depth < 12:
        if tree:
            yield tree
        for each in tree.values() if isinstance(tree, dict) else tree[:20]:
            yield from _holders(each, depth + 1)


def changed(random: Random, tree: Any) -> Any:
    """A JSON value with one change somewhere in it."""
    holders = list(_holders(tree))
    if not holders or random.random() < 0.02:
        return value(random)
    holder = random.choice(holders)
    place: Any = random.choice(list(holder)) if isinstance(holder, dict) else random.randrange(len(holder))
    what = random.randint(0, 9)
    if what <= 4:
        holder[place] = _other(random, holder[place])
    elif what == 5:
        del holder[place]
    elif isinstance(holder, list):
        times = 2 if isinstance(holder[0], list | dict) else random.choice((1, 2, 300))
        holder += holder[:1] * times if what < 8 else [value(random)]
    elif what == 6:
        holder[text(random)] = holder.pop(place)
    elif what == 7:
        holder[random.choice(("v", "id", "unknown", text(random)))] = value(random)
    else:
        donor = random.choice(holders)
        holder[place] = donor if donor is not holder and not _holds(donor, holder) else random.choice(list(holder))
    return tree


def _holds(outer: Any, inner: Any) -> bool:
    return any(each is inner for each in _holders(outer))


def _other(random: Random, present: Any) -> Any:
    """A value in the place of another one: often near to it."""
    near = random.random()
    if near < 0.5:
        return value(random)
    if isinstance(present, bool) or present is None:
        return random.choice((True, False, None, 0, "true"))
    if isinstance(present, int) and abs(present) > 2**70:
        return number(random)
    if isinstance(present, int | float):
        return random.choice(
            (-present, present + 1, present - 1, present * 1000, json.dumps(present)[:400], [present], number(random))
        )
    if isinstance(present, str):
        return random.choice(
            (present + text(random), text(random) + present, present[1:], present * 40, [present], SECRET)
        )
    if isinstance(present, list):
        return random.choice(([], present * 2, present[::-1], [present], {"0": present}))
    return random.choice(({}, [present], {**present, "": present}))


def written(random: Random, tree: Any) -> bytes:
    """The JSON of a value, as one of several writers puts it."""
    form = random.randint(0, 3)
    try:
        if form <= 1:
            return json.dumps(tree).encode()
        if form == 2:
            return json.dumps(tree, ensure_ascii=False, indent=1).encode("utf-8", "surrogatepass")
        return json.dumps(tree, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "replace")
    except (RecursionError, ValueError):
        return b"[" * 5_000


def bytes_changed(random: Random, data: bytes) -> bytes:
    """Bytes with one change somewhere in them."""
    place = random.randint(0, len(data))
    end = min(len(data), place + random.choice((1, 2, 7, 40, 4_000)))
    what = random.randint(0, 6)
    if what == 0:
        return data[:place]
    if what == 1:
        return data[:place] + data[end:]
    if what == 2:
        return data[:place] + random.choice(TOKENS) + data[end:]
    if what == 3:
        return data[:place] + random.choice(TOKENS) + data[place:]
    if what == 4:
        return data[:place] + data[place:end] * random.choice((2, 3, 50)) + data[end:]
    if what == 5 and data:
        return data[: max(0, place - 1)] + bytes([random.randint(0, 255)]) + data[place:]
    return data[place:] + data[:place]


def mutated(random: Random, data: bytes) -> bytes:
    """A record with one change or a few, of its JSON or of its bytes."""
    try:
        tree = json.loads(data)
    except (ValueError, RecursionError):
        tree = None
    if tree is not None and random.random() < 0.8:
        for _ in range(random.choice((0, 1, 1, 1, 2, 3))):
            tree = changed(random, tree)
        data = written(random, tree)
    if tree is None or random.random() < 0.25:
        for _ in range(random.choice((1, 1, 2, 4))):
            data = bytes_changed(random, data)[:LONGEST]
    return data


def noise(random: Random) -> bytes:
    """Bytes of no kind, or JSON of no kind."""
    if random.random() < 0.5:
        return written(random, value(random))
    return b"".join(
        random.choice((random.choice(TOKENS), text(random).encode("utf-8", "replace"), bytes([random.randint(0, 255)])))
        for _ in range(random.randint(0, 10))
    )


def record(random: Random, valid: Sequence[bytes]) -> bytes:
    """Now and then noise or a valid record as it is, else a mutated valid one."""
    kind = random.random()
    if kind < 0.05:
        return noise(random)
    chosen = random.choice(valid)
    return chosen if kind < 0.08 else mutated(random, chosen)
