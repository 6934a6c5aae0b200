"""The run of a demo: start every part, stream the lines, wait for a distilled model midway and for the last verdict."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path

from msgspec.structs import replace

from fusionlog import settings
from fusionlog.data.systems import read_catalog, read_labels
from fusionlog.demo import parts
from fusionlog.demo.feed import read_feed
from fusionlog.demo.monitor import Monitor
from fusionlog.demo.plan import Plan, environment
from fusionlog.demo.progress import Progress
from fusionlog.demo.summary import Summary, summarise
from fusionlog.demo.writer import Writer
from fusionlog.embedding.encoder import find_encoder
from fusionlog.errors import FusionLogError
from fusionlog.kafka.admin import create_topics
from fusionlog.settings import Settings
from fusionlog.utils.processes import Child
from fusionlog.workers.train.requests import request
from ray_jobs.cluster import Cluster, cluster

# The stream is held at this share of its lines until the training of the target has a result.
HELD_SHARE = 0.8
POLL_SECONDS = 0.2
STALL_SECONDS = 90.0
JOB_SECONDS = 600.0


class DemoError(FusionLogError):
    """The demo cannot go on."""


class Demo:
    """One run of the demo; `progress` exists from the start, for the view."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.feed = read_feed(plan.data, plan.target, read_catalog(plan.data)[plan.target])
        self.progress = Progress(
            target=plan.target,
            teacher=plan.teacher,
            lines_total=len(self.feed.lines),
        )
        self._children: list[Child] = []
        self._monitor: Monitor | None = None

    async def run(self) -> Summary:
        """Run the demo and summarise it; every part is stopped at the end, also after an error.

        :raises FusionLogError: a part could not be started, or failed.
        """
        started = time.monotonic()
        async with AsyncExitStack() as stack:
            logs = self.plan.logs or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="fusionlog-demo-")))
            logs.mkdir(parents=True, exist_ok=True)
            writer = await self._play(stack, logs)
        labels = read_labels(self.plan.data, self.plan.target)
        seconds = time.monotonic() - started
        return summarise(self.progress, self.feed, writer.first_offset, labels, list(self.plan.sources), seconds)

    async def _play(self, stack: AsyncExitStack, logs: Path) -> Writer:
        enter = stack.enter_async_context
        self._phase("preparing the encoder")
        encoder = await asyncio.to_thread(find_encoder, settings.load())
        self._phase("starting Ray and Kafka")
        ray = await enter(cluster(self.plan.ray, logs / "ray.log", settings.load().ray_token))
        bootstrap = await enter(parts.kafka(self.plan.kafka, logs))
        teacher = await enter(parts.recorded_teacher(self.plan.verdicts, logs))
        overrides = self.plan.overrides(bootstrap, encoder, teacher.url if teacher else None)
        own, env = settings.load(**overrides), environment(overrides)
        await create_topics(own)
        self._phase("starting the workers")
        workers = await enter(parts.workers(env, logs))
        self._children = [*workers.values(), *([teacher.child] if teacher else [])]
        monitor = self._monitor = await enter(Monitor(own, self.progress, list(workers)))
        writer = await enter(Writer(own, self.feed, self.progress))
        self._phase("training the base model on the sources, as a Ray job")
        await self._base(ray, env)
        await self._until(lambda: bool(self.progress.releases), "no base model came on the model topic")
        training = self.plan.train_overrides(await ray.address(), ray.token)
        self._children += (await enter(parts.workers(env | environment(training), logs, ("train",)))).values()
        await self._stream(writer, own)
        self._phase("waiting for the last verdicts")
        await self._settle(monitor)
        return writer

    async def _stream(self, writer: Writer, own: Settings) -> None:
        total, pace = len(self.feed.lines), self.plan.seconds / len(self.feed.lines)
        held = int(total * HELD_SHARE)
        self._phase("streaming; the teacher labels what is proprietary, and the train worker has Ray distil the labels")
        await writer.write_until(held, pace * held)
        await self._until(lambda: self.progress.counts.lines_in >= held, "the ingest worker does not keep up")
        await self._trained(own)
        self._phase("streaming, under the distilled model")
        await writer.write_until(total, pace * (total - held))

    async def _trained(self, own: Settings) -> None:
        """Wait for the result of the target's training; request it where it is not due by itself.

        :raises DemoError: it failed.
        """
        if self.progress.training is None:
            self._phase("waiting for the verdicts up to here")
            await self._until(
                lambda: self.progress.counts.decided, "windows still have no verdict",
                still_moving=lambda: self.progress.counts,
            )  # fmt: skip
            await request(own, [self.plan.target], "demo", lambda before: replace(before, now_at=time.time()))
        self._phase("waiting for the Ray job that distils the labels")
        await self._until(
            lambda: self.progress.training is not None and self.progress.training.phase == "ended",
            "no result came of the training", seconds=JOB_SECONDS,
        )  # fmt: skip
        assert self.progress.training is not None and self.progress.training.result is not None
        result = self.progress.training.result
        self.progress.jobs.append(result.reason)
        if result.outcome == "failed":
            raise DemoError(f"the training of {self.plan.target} failed: {result.reason}")
        if result.outcome == "published":
            await self._until(
                lambda: self.progress.counts.model_swaps > 0, "the new model was published but no worker swapped to it"
            )

    async def _base(self, ray: Cluster, env: dict[str, str]) -> None:
        """Run the Ray job that trains the base model to its end. The view shows its steps and reason."""
        sources = [word for source in self.plan.sources for word in ("--source", source)]
        result = await ray.run("meta_train", ["--data", str(self.plan.data), *sources], env, JOB_SECONDS, self._phase)
        self.progress.jobs.append(str(result.report.get("reason", result.job)))

    async def _settle(self, monitor: Monitor) -> None:
        await self._until(
            lambda: self.progress.counts.settled(self.progress.lines_sent),
            "some lines or windows still have no verdict",
            still_moving=lambda: self.progress.counts,
        )
        await asyncio.sleep(5 * POLL_SECONDS)
        await monitor.refresh()

    async def _until(
        self, condition: Callable[[], bool], otherwise: str, still_moving: Callable[[], object] = lambda: None,
        seconds: float | None = None,
    ) -> None:  # fmt: skip
        """Wait for a condition.

        :raises DemoError: `still_moving` has not changed for so many seconds, `STALL_SECONDS` by default.
        :raises ChildError: a worker ended.
        """
        most = STALL_SECONDS if seconds is None else seconds
        moved, seen = time.monotonic(), still_moving()
        while not condition():
            for child in self._children:
                child.check()
            if self._monitor is not None:
                self._monitor.check()
            if still_moving() != seen:
                moved, seen = time.monotonic(), still_moving()
            if time.monotonic() - moved > most:
                words = "; ".join(f"{child.name}: {child.last_line()}" for child in self._children)
                raise DemoError(f"{otherwise} for {most:.0f} s ({words})")
            await asyncio.sleep(POLL_SECONDS)

    def _phase(self, text: str) -> None:
        self.progress.phase = text
