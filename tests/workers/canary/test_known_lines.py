"""The canary's lines, and the verdicts on them by the functions that workers decide with."""

from __future__ import annotations

import itertools
import re

import pytest

import fusionlog
from fusionlog import releases
from fusionlog.decision import THRESHOLD
from fusionlog.errors import ModelError
from fusionlog.records import ModelRelease
from fusionlog.settings import IngestSettings, load
from fusionlog.settings.canary import canary_system
from fusionlog.topics import CANARY
from fusionlog.types import DetectorName
from fusionlog.workers.canary.known_lines import KnownLines, choose
from fusionlog.workers.canary.sessions import Session, session_of
from tests.detector.graphs import make_onnx
from tests.encoders import WordEncoder
from tests.factories import make_release

DISK, LOGIN, OPENED, CLOSED = "disk failed", "login failed", "connection opened", "connection closed"


def base(*events: tuple[str, float], scale: float = 1.0, detector: DetectorName = "set") -> ModelRelease:
    """A base whose model finds "failed" anomalous."""
    words = WordEncoder("connection", "disk", "opened", "closed", "failed")
    vectors = releases.pack_vectors(words([text for text, _ in events]))
    onnx = make_onnx(scale, component=4)
    return make_release(*events, system=releases.BASE, vectors=vectors, onnx=onnx, detector=detector)


@pytest.mark.parametrize("detector", ["set", "gru"])
def test_the_known_anomaly_is_anomalous_to_the_labels_and_to_the_model(detector: DetectorName) -> None:
    release = base((OPENED, 0.2), (CLOSED, 0.1), (DISK, 0.8), (LOGIN, 0.2), ("disk full", 0.9), detector=detector)
    assert choose(release, IngestSettings()) == KnownLines(DISK, CLOSED, release.version)


@pytest.mark.parametrize(
    ("release", "counts"),
    [
        (base((OPENED, 0.0), (DISK, 1.0), scale=0.0), "0 anomalous and 1 normal of 2 events"),
        (base((DISK, 1.0)), "1 anomalous and 0 normal of 1 events"),
        (base((OPENED, 0.0), ("disk failed\nat main", 1.0)), "0 anomalous and 1 normal of 2 events"),
    ],
)
def test_a_base_without_one_of_each_is_refused(release: ModelRelease, counts: str) -> None:
    with pytest.raises(ModelError, match=f"{re.escape(release.version)}.*{counts}.*fusionlog meta-train"):
        choose(release, IngestSettings())


def test_two_texts_that_ingest_takes_for_one_event_are_no_pair() -> None:
    words = ("the", "connection", "of", "the", "disk", "is", "at", "last")
    opened, closed = (" ".join([*words, end]) for end in ("failed", "closed"))
    release = base((closed, 0.0), (OPENED, 0.1), (opened, 1.0), scale=9.0)
    assert choose(release, IngestSettings()).normal == OPENED, "the two longer ones are of one template"


def test_the_bundled_base_has_the_known_verdicts_on_its_lines_again_and_again() -> None:
    release, system = fusionlog.load_release(), canary_system(60.0)
    lines = choose(release, IngestSettings())
    sessions = [Session(float(n), kind, "me") for n in range(50) for kind in ("normal", "anomaly")]
    texts = [line.decode() for each in sessions
             for line in each.lines(lines.normal if each.kind == "normal" else lines.anomaly)]  # fmt: skip
    windows = fusionlog.cut_windows(fusionlog.parse_lines(texts, CANARY, system), CANARY, system)
    detector = fusionlog.AnomalyDetector(CANARY, release, load(method=load(canary={"seconds": 60}).method_of(CANARY)))
    found = list(itertools.chain.from_iterable(detector.score([window]) for window in windows))
    assert [session_of(each.window.session) for each in found] == sessions
    assert {each.window.closed_by for each in found} == {"size"}
    for each, session in zip(found, sessions, strict=True):
        assert each.anomalous == (session.kind == "anomaly") and each.route.kind == "general"
        assert abs(each.probability - THRESHOLD) > 0.3, "not by a hair"
