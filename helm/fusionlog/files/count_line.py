"""The pod of `helm test`: writes a line to a system's raw topic, and waits until an ingest worker has counted it."""

import asyncio
import socket
import sys
import time
import urllib.request

from prometheus_client.parser import text_string_to_metric_families

from fusionlog import settings
from fusionlog.kafka.producer import Producer
from fusionlog.settings import Settings

COUNTER = "fusionlog_lines_total"


def main() -> None:
    """Arguments: system or "" for the first one, line, host of the ingest workers, port of their metrics, seconds."""
    system, line, host, port, seconds = sys.argv[1:]
    config = settings.load()
    system = system or min(config.systems)
    before = counted(config, system, host, int(port))
    asyncio.run(send(config, system, line))
    deadline = time.monotonic() + float(seconds)
    while (after := counted(config, system, host, int(port))) <= before:
        if time.monotonic() > deadline:
            sys.exit(f"no ingest worker counted a line of {system} within {seconds} s: {before:.0f} before and after")
        time.sleep(1)
    print(f"lines of {system}: {before:.0f} before, {after:.0f} after")


async def send(config: Settings, system: str, line: str) -> None:
    """Write the line, and wait until Kafka has it."""
    producer = Producer(config, "cli")
    await producer.start()
    try:
        await (await producer.send_raw(config.topics.raw(system), b"helm-test", line.encode()))
    finally:
        await producer.stop()


def counted(config: Settings, system: str, host: str, port: int) -> float:
    """The lines of a system that all ingest workers counted."""
    addresses = {entry[4][0] for entry in socket.getaddrinfo(host, port, proto=socket.IPPROTO_TCP)}
    return sum(lines(page(config, str(address), port), system) for address in addresses)


def page(config: Settings, address: str, port: int) -> str:
    """The metrics of a worker."""
    place = f"[{address}]" if ":" in address else address
    request = urllib.request.Request(f"http://{place}:{port}/metrics")
    if config.metrics.token is not None:
        request.add_header("Authorization", f"Bearer {config.metrics.token.get_secret_value()}")
    with urllib.request.urlopen(request, timeout=5) as response:
        return str(response.read(), "utf-8")


def lines(text: str, system: str) -> float:
    """The lines of a system in a worker's metrics, read from its raw topic."""
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    return sum(
        sample.value for sample in samples
        if sample.name == COUNTER and sample.labels["system"] == system and sample.labels["input"] == "raw"
    )  # fmt: skip


if __name__ == "__main__":
    main()
