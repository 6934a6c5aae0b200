"""The texts of the canary: events whose verdict is known, because the base model's own bank has them.

The canary's windows hold one event alone, as often as a session has lines. So the base model is given each event of its
bank in such a window. The known anomaly is the event that both the sources' labels and the model call anomalous, by the
greatest probability of the lesser of the two; the known normal session likewise. A worker that routes and scores a
window of that text does so with the same vector.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product

import numpy as np
from msgspec import Struct

from fusionlog import releases
from fusionlog.detector.batch import Batch
from fusionlog.detector.onnx_session import Detector
from fusionlog.detector.sequence import ORDERED
from fusionlog.errors import ModelError
from fusionlog.parsing.parser import Parser
from fusionlog.records import ModelRelease
from fusionlog.settings import IngestSettings
from fusionlog.settings.canary import LINES, canary_system
from fusionlog.topics import CANARY
from fusionlog.types import DetectorName, FloatArray
from fusionlog.workers.canary.sessions import Session

BATCH_EVENTS = 256
MAX_CHARS = 300
"""Longer texts are cut by encoders, and by readers."""
MOST_TRIED = 20
"""Texts of a kind that are parsed, at most."""


class KnownLines(Struct, frozen=True):
    """The text of an anomalous line and of a normal one. `release` is the base whose verdicts these are; None: a
    language model's."""

    anomaly: str
    normal: str
    release: str | None = None


FOR_TEACHERS = KnownLines("fatal error: disk failed, data lost, the server stops", "request handled, status ok")
"""Where no small model scores windows."""


def choose(release: ModelRelease, ingest: IngestSettings) -> KnownLines:
    """The surest anomalous and the surest normal text of a base release's bank.

    :raises ModelError: the model does not run, or labels and model agree on no anomalous event of its bank, or on no
        normal one.
    """
    by_model = _of_events(release).tolist()
    pairs = list(zip((event.probability for event in release.bank), by_model, strict=True))
    anomalous = _ranked(release, [min(pair) for pair in pairs], release.threshold)
    normal = _ranked(release, [1.0 - max(pair) for pair in pairs], 1.0 - release.threshold)
    pair = next(_known_pairs(anomalous, normal, ingest), None)
    if pair is None:
        raise ModelError(
            f"the model of release {release.version}, the base, agrees with the labels of its own bank on "
            f"{len(anomalous)} anomalous and {len(normal)} normal of {len(release.bank)} events, each alone in a "
            "window, and the canary needs one of each: train a base (fusionlog meta-train), or publish the bundled one"
        )
    return KnownLines(*pair, release.version)


def _ranked(release: ModelRelease, certainties: Sequence[float], least: float) -> list[str]:
    """The texts of the bank that can be lines, by falling certainty, those above `least`."""
    rows = sorted(range(len(certainties)), key=lambda row: -certainties[row])
    return [release.bank[row].text for row in rows if certainties[row] > least and _is_line(release.bank[row].text)]


def _of_events(release: ModelRelease) -> FloatArray:
    """The model's probability of a window of each event of the bank alone, `[bank]`."""
    vectors, detector = releases.unpack_vectors(release.vectors), Detector(release.onnx, "cpu", 1)
    parts = [
        detector.score(_windows(vectors[start : start + BATCH_EVENTS], release.detector))[0]
        for start in range(0, len(vectors), BATCH_EVENTS)
    ]
    return np.concatenate(parts) if parts else np.empty(0, dtype=np.float32)


def _windows(vectors: FloatArray, detector: DetectorName) -> Batch:
    """A window of each event `[n, dim]` alone, as often as a session of the canary has lines."""
    if detector not in ORDERED:
        return Batch(vectors[:, None, :], np.full((len(vectors), 1), LINES, dtype=np.float32))
    shape = (len(vectors), LINES)
    return Batch(
        np.repeat(vectors[:, None, :], LINES, axis=1), np.ones(shape, dtype=np.float32), np.zeros(shape, np.int64)
    )


def _is_line(text: str) -> bool:
    """Whether a text can stand in a line and has words of its own."""
    return text.isprintable() and len(text) <= MAX_CHARS and any(letter.isalpha() for letter in text)


def _known_pairs(anomalous: list[str], normal: list[str], ingest: IngestSettings) -> Iterator[tuple[str, str]]:
    """Pairs of texts that ingest workers parse to events of exactly these texts, the best ones first."""
    for bad, good in product(anomalous[:MOST_TRIED], normal[:MOST_TRIED]):
        if _texts([bad, good], ingest) == [bad, good]:
            yield bad, good


def _texts(texts: list[str], ingest: IngestSettings) -> list[str]:
    """The texts of the events of the canary's lines, one a text; of a line that is no session of it nothing."""
    parser = Parser(CANARY, canary_system(0.0), ingest)
    session = Session(0.0, "anomaly", "0")
    events = [parser.parse(line.decode()) for text in texts for line in session.lines(text)]
    return [event.text for event in events[::LINES] if event.session == session.name]
