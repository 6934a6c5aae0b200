"""The job that distils: which targets are due, and what a target's task computes, here without a Ray."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from msgspec import msgpack
from msgspec.structs import replace

from fusionlog.data.sources import Source
from fusionlog.embedding.encoder import Encoder
from fusionlog.records import ModelRelease, PseudoLabel
from fusionlog.releases import BASE, pack_vectors
from fusionlog.settings import DistillSettings, Settings
from ray_jobs import distill, publish, targets
from ray_jobs.distill import Due, triage
from ray_jobs.material import Labels, pack
from ray_jobs.report import TargetReport
from ray_jobs.shared import Held, PackedSource, Shared, Vectors, texts_of
from ray_jobs.targets import Ended, Order, compute
from tests.encoders import make_encoder
from tests.factories import make_label, make_release, make_window, make_withdrawn

GOOD = make_window("connection opened", "connection closed")
BAD = make_window("connection opened", "disk failed", first_offset=20)
BANK = (("connection opened", 0.0), ("disk failed", 1.0))


def held(value: Any) -> Held:
    """A value where a task expects a place in the object store."""
    return Held(str(id(value)), value)


@pytest.fixture
def encoder(tmp_path: Path) -> Encoder:
    return Encoder(make_encoder(tmp_path / "encoder"))


@pytest.fixture
def settings(tmp_path: Path, encoder: Encoder) -> Settings:
    return Settings(
        encoder=tmp_path / "encoder",
        distill=DistillSettings(steps=5, hidden=8, min_labels=2, gate_min_agreement=-1, gate_max_rate=1),
    )


def parent_of(encoder: Encoder, **fields: Any) -> ModelRelease:
    vectors = pack_vectors(encoder([text for text, _ in BANK]))
    return make_release(*BANK, **{"encoder": encoder.name, "vectors": vectors, "created": 1.0, **fields})


def order_of(parent: ModelRelease, system: str = "shop", now: float = 3000.0) -> Order:
    labels = [make_label(GOOD, 0.1), make_label(BAD, 0.9)]
    return Order(system, labels, [held(pack([GOOD, BAD])), held(pack([GOOD]))], held(parent), now)


def common(*sources: Source, encoder: Encoder) -> Any:
    texts = texts_of(sources)
    table = encoder(list(texts.values())) if texts else np.zeros((0, 0), dtype=np.float32)
    return held(Shared([PackedSource.of(each) for each in sources], Vectors(list(texts), list(texts.values()), table)))


def labels(*found: PseudoLabel, releases: tuple[ModelRelease, ...] = ()) -> Labels:
    return Labels({label.system: {label.shape: msgpack.encode(label)} for label in found}, releases)


@pytest.mark.parametrize("detector", ["set", "gru"])
def test_a_distillation_keeps_its_parents_detector_whatever_is_set(
    detector: Any, encoder: Encoder, settings: Settings
) -> None:
    other = settings.distill.model_copy(update={"detector": "gru" if detector == "set" else "set"})
    ended = compute(
        order_of(parent_of(encoder, detector=detector)), common(encoder=encoder),
        settings.model_copy(update={"distill": other}), "job",
    )  # fmt: skip
    assert ended.distilled is not None and ended.distilled.release.detector == detector
    assert ended.windows == 2, "a window that was emitted twice is one"
    assert ended.seconds > 0 and ended.peak_bytes > 1e7


def test_a_task_that_runs_again_makes_the_same_release(encoder: Encoder, settings: Settings) -> None:
    source = Source("mill", [replace(BAD, system="mill"), replace(GOOD, system="mill", session="s2")],
                    {"s1": True, "s2": False})  # fmt: skip
    first, second = (
        compute(order_of(parent_of(encoder)), common(source, encoder=encoder), settings, "job").distilled
        for _ in range(2)
    )
    assert first is not None and second is not None
    assert first.release == second.release


def test_a_system_is_no_source_of_its_own_distillation(encoder: Encoder, settings: Settings) -> None:
    own = Source("shop", [BAD], {"s1": True})
    first, second = (
        compute(order_of(parent_of(encoder)), each, settings, "job").distilled
        for each in (common(encoder=encoder), common(own, encoder=encoder))
    )
    assert first is not None and second is not None
    assert first.release.onnx == second.release.onnx


def test_an_error_of_a_target_is_its_result(encoder: Encoder, settings: Settings) -> None:
    other = replace(parent_of(encoder), encoder="of another time")
    ended = compute(order_of(other), common(encoder=encoder), settings, "job")
    assert "is of encoder of another time" in ended.failed and ended.distilled is None
    few = settings.model_copy(update={"distill": settings.distill.model_copy(update={"min_labels": 9})})
    ended = compute(order_of(parent_of(encoder)), common(encoder=encoder), few, "job")
    assert "FUSIONLOG_DISTILL__MIN_LABELS is 9" in ended.nothing_to_do and not ended.failed


def test_a_task_shows_its_stages(encoder: Encoder, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(targets, "SHOW_SECONDS", 0.0)
    shown: list[str] = []
    compute(order_of(parent_of(encoder)), common(encoder=encoder), settings, "job", shown.append)
    assert shown[0] == "2 labels, 2 windows"
    assert "fit 1, step 1 of 5" in shown and "fit 3, step 5 of 5" in shown


@pytest.mark.parametrize("method", ["generallog", "source-only", "llm-only"])
def test_a_method_that_learns_nothing_is_not_distilled_for(method: Any) -> None:
    found = triage(Settings(method=method), labels(), "shop")
    assert isinstance(found, TargetReport) and found.outcome == "nothing to do"
    assert f"the method of shop is {method}" in found.reason


def test_targets_are_told_apart_by_what_kafka_has_of_them(tmp_path: Path) -> None:
    path = tmp_path / "systems.yaml"
    path.write_text("shop:\nmill:\nfarm:\nyard:\n")
    settings = Settings(systems_file=path, distill=DistillSettings(min_labels=1))
    base = make_release(system=BASE, created=1.0)
    bad = make_withdrawn(make_release(system="farm", created=9000.0))
    of = [make_label(make_window(system=each), labelled_at=2000.0) for each in ("shop", "farm", "nobody")]
    found = labels(*of, releases=(base, bad))
    due = triage(settings, found, "shop")
    assert isinstance(due, Due) and due.parent == base
    results = {name: triage(settings, found, name) for name in ("mill", "farm", "nobody")}
    outcomes = {name: (each.outcome, each.reason) for name, each in results.items() if isinstance(each, TargetReport)}
    assert outcomes["mill"] == ("nothing to do", "mill has no label yet: run  fusionlog worker label")
    assert outcomes["farm"][0] == "nothing to do" and "which was withdrawn" in outcomes["farm"][1]
    assert outcomes["nobody"][0] == "failed", "its name is wrong, and the others go on"
    without = triage(settings, labels(*of), "shop")
    assert isinstance(without, TargetReport) and "has no release of shop and no base" in without.reason


async def test_a_release_is_published_where_the_gate_accepts_it(
    encoder: Encoder, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[ModelRelease] = []

    async def take(settings: Settings, release: ModelRelease) -> ModelRelease:
        sent.append(release)
        return release

    monkeypatch.setattr(publish, "publish", take)
    order = order_of(parent_of(encoder))
    strict = settings.distill.model_copy(update={"gate_min_agreement": 1.0, "gate_max_rate": 0.0, "steps": 1})
    for each, outcome in ((settings, "published"), (settings.model_copy(update={"distill": strict}), "rejected")):
        ended = compute(order, common(encoder=encoder), each, "job")
        found = await distill._end(each, order, ended)
        assert (found.outcome, found.windows, found.peak_bytes) == (outcome, 2, ended.peak_bytes)
    assert len(sent) == 1 and sent[0].version == found.version, "both are of one order: of one version"
    assert (await distill._end(settings, order, Ended(failed="its node died"))).outcome == "failed"
