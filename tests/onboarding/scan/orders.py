"""The log of an order system: sessions that overlap, of which some lack a step or fail."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

STEPS = ("reserved 3 items", "payment accepted", "parcel handed over", "order closed")
WITHOUT_PAYMENT = 260
FAILED = (270, 280)
ORDERS = 300
START = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)


def order_lines(orders: int = ORDERS, timed: bool = True) -> list[bytes]:
    """The lines of so many orders, in the order of time."""
    found = []
    for order in range(orders):
        for place, text in enumerate(_steps(order)):
            when = START + timedelta(seconds=2 * order + place)
            found.append((when, f"INFO order={session_of(order)} {text}"))
    stamp = "%Y-%m-%d %H:%M:%S"
    return [
        f"{when.strftime(stamp)} {text}".encode() if timed else text.encode()
        for when, text in sorted(found, key=lambda each: each[0])
    ]


def session_of(order: int) -> str:
    """The session key of an order."""
    return str(10_000 + order)


def _steps(order: int) -> tuple[str, ...]:
    if order == WITHOUT_PAYMENT:
        return STEPS[:1] + STEPS[2:]
    if order in FAILED:
        return (*STEPS[:1], "could not save order: connection refused by the database")
    return STEPS
