"""The job that trains the base model, with fits in this process: what it releases, and what it says."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from fusionlog import releases
from fusionlog.detector.examples import Example
from fusionlog.detector.fitting import model
from fusionlog.embedding.encoder import Encoder
from fusionlog.errors import SettingError
from fusionlog.kafka.admin import create_topics
from fusionlog.kafka.table import read_all
from fusionlog.records import ModelRelease
from fusionlog.releases import BASE
from fusionlog.settings import BaseTraining, DistillSettings, Settings
from ray_jobs import meta_train, publish, tasks
from ray_jobs.report import Exit
from ray_jobs.sources import Places
from tests.encoders import make_encoder
from tests.evaluation.factories import is_bad, write_data, write_labels

QUICK = DistillSettings(steps=5, hidden=8)


class FitsHere:
    """Fits in this process."""

    def __init__(self, settings: DistillSettings, show: object = None) -> None:
        self._settings = settings

    def __call__(self, jobs: Sequence[Sequence[Example]], how: BaseTraining = "erm") -> list[bytes]:
        return [model(examples, self._settings, how) for examples in jobs]


@contextmanager
def here() -> Iterator[str]:
    """The id of a job without a Ray."""
    yield "job-1"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write_data(tmp_path / "data")


@pytest.fixture(autouse=True)
def no_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "RayTrainer", FitsHere)
    monkeypatch.setattr(tasks, "connected", here)


@pytest.fixture
def published(monkeypatch: pytest.MonkeyPatch) -> list[ModelRelease]:
    """The releases that a job published, in place of the topic."""
    found: list[ModelRelease] = []

    async def publish_here(settings: Settings, release: ModelRelease) -> ModelRelease:
        found.append(releases.sign(release, settings.signatures))
        return found[-1]

    monkeypatch.setattr(publish, "publish", publish_here)
    return found


def write_unlike(data: Path, system: str, sessions: int = 100) -> None:
    """A system whose sessions are unlike each other: every fifth still fails, after a number of lines of its own."""
    rows = []
    for number in range(sessions):
        texts = ["connection opened"] * (1 + number % 23) + ["disk failed" if is_bad(number) else "connection closed"]
        lines = [f"2024-01-01 00:{number // 60:02d}:{number % 60:02d} INFO s{number} {text}" for text in texts]
        rows.append(json.dumps({"id": f"s{number}", "lines": lines}))
    (data / system / "sessions.jsonl.gz").write_bytes(gzip.compress("\n".join(rows).encode()))
    write_labels(data / system, {f"s{number}": is_bad(number) for number in range(sessions)})


@pytest.mark.kafka
async def test_the_base_model_of_the_sources_is_on_the_topic_and_verifies(
    kafka_settings: Settings, data: Path, tmp_path: Path
) -> None:
    await create_topics(kafka_settings)
    settings = Settings(
        kafka=kafka_settings.kafka, topic_prefix=kafka_settings.topic_prefix, distill=QUICK,
        encoder=make_encoder(tmp_path / "encoder"),
    )  # fmt: skip
    report, code = await meta_train.train(settings, Places.of([str(data)], ["shop", "mill"]))
    [(_, release)] = await read_all(settings, settings.topics.models)
    releases.verify(release, None)
    assert (code, report.published, report.version) == (Exit.DONE, 1, release.version)
    assert (release.system, release.lineage.sources, release.lineage.job) == (BASE, ["mill", "shop"], "job-1")
    assert {event.system for event in release.bank} == {"shop", "mill"}
    assert release.encoder == Encoder(tmp_path / "encoder").name


async def test_what_is_fitted_on_the_sources_is_in_the_release_and_its_figures_in_the_report(
    published: list[ModelRelease], data: Path, tmp_path: Path
) -> None:
    for system in ("shop", "mill"):
        write_unlike(data, system)
    settings = Settings(distill=QUICK, encoder=make_encoder(tmp_path / "encoder"))
    report, _ = await meta_train.train(settings, Places.of([str(data)], ["shop", "mill"]))
    [release] = published
    assert release.offline_teacher is not None
    assert release.novelty is not None
    assert report.metrics == release.metrics != {}
    assert f"base model {release.version} of shop, mill, {len(release.bank)} events" in report.reason


async def test_a_source_that_the_data_do_not_have_publishes_nothing(
    published: list[ModelRelease], data: Path, tmp_path: Path
) -> None:
    settings = Settings(distill=QUICK, encoder=make_encoder(tmp_path / "encoder"))
    with pytest.raises(SettingError, match="has no such system; there are farm, mill, shop"):
        await meta_train.train(settings, Places.of([str(data)], ["shop", "barn"]))
    assert published == []


@pytest.mark.parametrize(("source", "code", "outcome"), [("shop", 0, "published"), ("barn", 2, "failed")])
def test_the_command_ends_with_its_report_and_code(
    published: list[ModelRelease], data: Path, tmp_path: Path, source: str, code: int, outcome: str
) -> None:
    app = typer.Typer()
    app.command()(meta_train.main)
    env = {
        "FUSIONLOG_ENCODER": str(make_encoder(tmp_path / "encoder")),
        "FUSIONLOG_DISTILL__STEPS": "5",
        "FUSIONLOG_DISTILL__HIDDEN": "8",
    }
    done = CliRunner(env=env).invoke(app, ["--data", str(data), "--source", source])
    said = json.loads(done.stdout.splitlines()[-1])
    assert (done.exit_code, said["outcome"], said["published"]) == (code, outcome, len(published))
    assert (said["system"], len(published)) == (BASE, int(code == 0))
