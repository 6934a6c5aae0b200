"""The labellers `direct` and `alpha` on the same windows: what is asked, what inherits, and whether the teacher, asked
afterwards, says the same: `python -m benchmarks.inherit --json FILE`. No label is read but those of the sources."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, cast

import msgspec
import typer
from aiokafka import TopicPartition
from aiokafka.structs import RecordMetadata

from benchmarks.report import BUNDLED
from fusionlog import releases
from fusionlog.data.sources import event_probabilities, read_source
from fusionlog.data.systems import read_catalog
from fusionlog.decision import is_anomalous
from fusionlog.distillation.base_model import known_events
from fusionlog.embedding.encoder import Encoder, VectorCache, find_encoder
from fusionlog.evaluation.fit_cache import LocalTrainer
from fusionlog.evaluation.teacher_choice import chosen_teacher
from fusionlog.kafka import codecs
from fusionlog.kafka.batch_output import Message
from fusionlog.kafka.producer import Ack, Producer
from fusionlog.methods.base import MethodContext
from fusionlog.methods.protocol import Fold, read_fold
from fusionlog.online.knowledge import Knowledge
from fusionlog.records import ModelRelease, PseudoLabel, Record, Window
from fusionlog.settings import AlphaSettings, LabellerName, Settings
from fusionlog.teachers.base import Teacher, Unit, Verdict, unit_of
from fusionlog.topics import Topic
from fusionlog.workers.knowledge_tables import KnowledgeTables
from fusionlog.workers.label import LabelWorker

BATCH = 200
"""Windows that a label worker takes at a time: ten calls of twenty."""


@dataclass
class Held:
    """A message with a window, and a producer that keeps what it is given."""

    value: bytes | None = None
    topic: str = "windows"
    partition: int = 0
    offset: int = 0
    key: bytes | None = None
    sent: list[tuple[str, Record | None]] = field(default_factory=list)

    async def send(self, topic: Topic, key: str, record: Record | None) -> Ack:
        """Keep a record."""
        self.sent.append((topic.name, record))
        ack: Ack = asyncio.get_running_loop().create_future()
        ack.set_result(RecordMetadata(topic.name, 0, TopicPartition(topic.name, 0), len(self.sent), 0, 0, 0))
        return ack


@dataclass
class Counting:
    """A teacher that counts what it is asked."""

    teacher: Teacher
    units: int = 0
    calls: int = 0

    @property
    def name(self) -> str:
        """The teacher's."""
        return self.teacher.name

    async def label(self, units: Sequence[Unit]) -> list[Verdict | Exception]:
        """Its verdicts."""
        self.units, self.calls = self.units + len(units), self.calls + 1
        return list(await self.teacher.label(units))


@dataclass
class Known:
    """What is known of one system, as a worker follows it."""

    knowledge: Knowledge

    def of(self, system: str) -> Knowledge:
        """The knowledge."""
        return self.knowledge


async def run(labeller: LabellerName, fold: Fold, context: MethodContext, base: ModelRelease) -> dict[str, float]:
    """The adaptation half's windows through a label worker's logic."""
    settings = context.settings.model_copy(
        update={"label": context.settings.label.model_copy(update={"labeller": labeller})}
    )
    knowledge = Knowledge(fold.target, context.encode)
    knowledge.adopt(releases.sign(base, None))
    assert context.teacher is not None
    held, teacher = Held(), Counting(context.teacher)
    labelling = LabelWorker(
        settings, cast("Producer", held), cast("KnowledgeTables", Known(knowledge)), cast("Teacher", teacher)
    )
    waiting = 0
    for start in range(0, len(fold.adapt), BATCH):
        routed = [knowledge.route(window) for window in fold.adapt[start : start + BATCH]]
        chosen = [window for window in routed if window.route is not None and window.route.kind == "proprietary"]
        waiting += len(chosen)
        await labelling.handle(cast("list[Message]", [Held(codecs.encode(window)) for window in chosen]))
    labels = [record for _, record in held.sent if isinstance(record, PseudoLabel)]
    heirs = [label for label in labels if label.propagated_from is not None]
    returned = sum(name == settings.topics.general.name for name, _ in held.sent)
    return {
        "windows": waiting, "units": teacher.units, "calls": teacher.calls, "inherited": len(heirs),
        "returned": returned, "agreeing": await shared(heirs, fold, context.teacher),
    }  # fmt: skip


async def shared(heirs: Sequence[PseudoLabel], fold: Fold, teacher: Teacher) -> int:
    """How many inherited verdicts are what the teacher says when it is asked after all."""
    windows: dict[str, Window] = {window.id: window for window in fold.adapt}
    said = await teacher.label([unit_of(windows[label.window], fold.system) for label in heirs])
    return sum(
        isinstance(verdict, Verdict) and is_anomalous(verdict.probability) == is_anomalous(label.probability)
        for verdict, label in zip(said, heirs, strict=True)
    )


async def compare(data: Path, target: str, settings: Settings) -> dict[str, dict[str, float]]:
    """Both labellers on a target, each with a teacher that has heard nothing."""
    sources = [read_source(data, name, settings.ingest) for name in read_catalog(data) if name != target]
    encoder, fold = Encoder(find_encoder(settings)), read_fold(data, target, "forward", settings.ingest)
    known = [event for source in sources for event in known_events(source, event_probabilities(source))]
    cache, fits, found = VectorCache(encoder), LocalTrainer(settings.distill), {}
    async with chosen_teacher(settings, data, target) as each:
        for labeller in ("direct", "alpha"):
            teacher = each.teacher(known, encoder)
            context = MethodContext(each.settings, sources, encoder, cache, fits, teacher)
            found[labeller] = await run(labeller, fold, context, context.base())
            await teacher.close()
    return found


def main(
    json: Annotated[Path | None, typer.Option(help="write the counts here")] = None,
    data: Annotated[Path, typer.Option(help="a directory in the form of datasets/README.md")] = BUNDLED,
    similarity: Annotated[float, typer.Option(help="FUSIONLOG_ALPHA__SIMILARITY")] = AlphaSettings().similarity,
) -> None:
    """Label each system's adaptation half, and count how many of the inherited verdicts the teacher shares."""
    settings = Settings()
    settings = settings.model_copy(update={"alpha": settings.alpha.model_copy(update={"similarity": similarity})})
    found: dict[str, dict[str, float]] = {}
    for target in read_catalog(data):
        for labeller, each in asyncio.run(compare(data, target, settings)).items():
            found[f"{target} {labeller}"] = each
            typer.echo(f"  {target}, {labeller}: " + ", ".join(f"{value:.0f} {name}" for name, value in each.items()))
    inherited, agreeing = (sum(int(each[name]) for each in found.values()) for name in ("inherited", "agreeing"))
    typer.echo(f"inherited verdicts that the teacher shares: {agreeing} of {inherited}")
    if json is not None:
        json.write_bytes(msgspec.json.format(msgspec.json.encode(found), indent=2) + b"\n")


if __name__ == "__main__":
    typer.run(main)
