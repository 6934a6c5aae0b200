"""A service's consumer in a process of its own: `worker.py TOPIC KEY=VALUE…`; SIGTERM makes it leave its group."""

from __future__ import annotations

import signal
import sys

from confluent_kafka import Consumer


def main() -> int:
    """Consume until SIGTERM."""
    stopped: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: stopped.append(number))
    consumer = Consumer(dict(pair.split("=", 1) for pair in sys.argv[2:]))
    consumer.subscribe([sys.argv[1]])
    while not stopped:
        consumer.poll(0.5)
    consumer.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
