"""docs/first-hour.md: its blocks of commands run, in their order and in one shell, on Apache Kafka."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.agents.stage import until
from tests.brokers import ApacheKafka
from tests.explanation.factories import explaining_endpoint
from tests.onboarding.scan.orders import FAILED, ORDERS, WITHOUT_PAYMENT, order_lines, session_of

pytestmark = [pytest.mark.kafka, pytest.mark.slow, pytest.mark.timeout(900)]

PAGE = Path(__file__).parents[1] / "docs" / "first-hour.md"
BLOCK = re.compile(r"^```bash\n(.*?)^```", re.MULTILINE | re.DOTALL)
REPEATED = ("fusionlog tail", "fusionlog explanations")
"""Blocks that a reader repeats until there is something to see."""
SECONDS = 300


class Shell:
    """A shell that runs one block after the other."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdin is not None and process.stdout is not None
        self._process, self._input, self._output = process, process.stdin, process.stdout

    async def run(self, block: str) -> str:
        """The output of a block, whose last command succeeds."""
        self._input.write(f"{block}\necho :$?:done\n".encode())
        output = (await asyncio.wait_for(self._output.readuntil(b":done\n"), SECONDS)).decode()
        text, _, code = output.removesuffix(":done\n").rpartition(":")
        assert code == "0", f"{block}\n{text}"
        return text


@pytest.fixture
async def shell(tmp_path: Path) -> AsyncIterator[Shell]:
    env = {name: value for name, value in os.environ.items() if not name.startswith("FUSIONLOG_")}
    env |= {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(PAGE.parents[1]),
        "COLUMNS": "200",
    }
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        "bash", stdin=pipe, stdout=pipe, stderr=asyncio.subprocess.STDOUT, cwd=tmp_path, env=env, limit=2**24
    )
    yield Shell(process)
    assert process.stdin is not None
    process.stdin.write(b"kill $(jobs -p) 2>&1; wait\n")
    process.stdin.close()
    await asyncio.wait_for(process.wait(), 30)


@pytest.fixture
def llm() -> Iterator[str]:
    with explaining_endpoint() as endpoint:
        yield endpoint.url


async def test_the_blocks_of_the_page_find_and_explain_the_anomalies_of_its_log(
    shell: Shell, apache_kafka: ApacheKafka, llm: str, tmp_path: Path
) -> None:
    prefix = f"t{tmp_path.parent.name[-6:]}.".replace("_", "-")
    places = {
        "localhost:9092": f"{apache_kafka.settings.bootstrap_servers} FUSIONLOG_TOPIC_PREFIX={prefix}"
        f" FUSIONLOG_RAW_PREFIX={prefix}raw.",
        "https://llm.example/v1": llm,
    }
    outputs = []
    for block in BLOCK.findall(PAGE.read_text(encoding="utf-8")):
        for name, value in places.items():
            block = block.replace(name, value)
        outputs.append(await shell.run(block))
        if block.startswith(REPEATED):

            async def seen(block: str = block) -> bool:
                outputs[-1] = await shell.run(block)
                return "order" in outputs[-1] and ("save" in outputs[-1] or "cause" in outputs[-1])

            await until(seen, SECONDS, lambda: [path.read_text()[-2000:] for path in tmp_path.glob("*.log")][1:])
    _, scanned, checked, started, produced, tailed, searched, _, explained, _ = outputs
    assert f"{ORDERS} sessions, {1 + len(FAILED)} anomalies in 2 incidents" in scanned
    assert "missing: order=<KEY> payment accepted" in scanned
    assert "every topic is as it should be" in started, checked
    assert produced == f"{len(order_lines()):,} lines are in {prefix}raw.shop\n"
    assert "could not save order" in tailed and session_of(FAILED[0]) in tailed, session_of(WITHOUT_PAYMENT)
    assert "'shop'" in searched or "shop" in searched
    assert "cause" in explained and "next" in explained
