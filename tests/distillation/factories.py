"""A tiny world for distillation: four-word vocabulary, one-hot vectors, and a real, small training."""

from functools import partial

import msgspec
import numpy as np

from fusionlog import releases
from fusionlog.data.sources import Source
from fusionlog.detector.export import to_onnx
from fusionlog.detector.training import fit as train
from fusionlog.records import Lineage, template_id
from fusionlog.settings import DistillSettings
from tests.factories import make_release, make_window

TEXTS = ("connection opened", "connection closed", "disk failed", "retry scheduled", "job started", "job lost")
DIM = len(TEXTS)
SETTINGS = DistillSettings(steps=150, hidden=16, rounds=2, min_labels=2)


class OneHot:
    """Vectors by template: every text has a direction of its own."""

    def __init__(self):
        self.places = {template_id(text): place for place, text in enumerate(TEXTS)}

    def vectors(self, events):
        return np.eye(DIM, dtype=np.float32)[[self.places[event.template] for event in events]].reshape(-1, DIM)


def _fit(settings, examples):
    return to_onnx(train(examples, settings), DIM)


def make_fit(settings=SETTINGS):
    """A training that runs here and now."""
    return partial(_fit, settings)


def make_source(system="mill", sessions=100):
    """Every fifth session lost its job."""
    windows, anomalous = [], {}
    for number in range(sessions):
        bad = number % 5 == 4
        texts = ("job started", "job lost") if bad else ("job started", "retry scheduled")
        windows.append(make_window(*texts, system=system, session=f"s{number}", first_offset=2 * number))
        anomalous[f"s{number}"] = bad
    return Source(system, windows, anomalous)


def make_parent(**fields):
    """A base that knows the source's events, with their vectors in `OneHot`."""
    texts = TEXTS[3:]
    bank = [(text, float(text == "job lost")) for text in texts]
    parent = make_release(*bank, system="mill", lineage=Lineage(sources=["mill"]), **fields)
    vectors = np.eye(DIM, dtype=np.float32)[[TEXTS.index(text) for text in texts]]
    return msgspec.structs.replace(parent, system="*", vectors=releases.pack_vectors(vectors))
