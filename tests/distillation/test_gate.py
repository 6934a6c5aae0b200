import numpy as np
import pytest

from fusionlog.data.sources import SourceExamples
from fusionlog.detector.examples import Example
from fusionlog.distillation import gate
from fusionlog.distillation.gate import Area, Check, GateReport
from fusionlog.distillation.students import SoftPrediction


def make_example(score, probability=0.5, weight=1.0):
    """An example whose one vector holds what the model of these tests will say of it."""
    vector = np.array([[score]], dtype=np.float32)
    return Example(vector, np.ones(1, dtype=np.float32), probability, np.zeros(1, dtype=np.float32), weight)


@pytest.fixture(autouse=True)
def model_that_reads_the_vector(monkeypatch):
    monkeypatch.setattr(
        gate,
        "soft_predictions",
        lambda onnx, examples: [SoftPrediction(float(e.vectors[0, 0]), e.counts) for e in examples],
    )


def test_auprc_counts_every_window():
    examples = [make_example(0.9, 0.0, weight=3), make_example(0.8, 1.0), make_example(0.1, 0.0)]
    assert gate.auprc(b"", examples) == pytest.approx(1 / 4)
    assert gate.auprc(b"", examples[:1]) is None


def test_a_share_of_what_the_base_is_worth_over_chance_may_be_lost_and_what_chance_takes():
    assert gate.check_sources(Area(0.51, 0.0, chance=0.2), 0.8, 0.5).passed
    assert not gate.check_sources(Area(0.49, 0.0, chance=0.2), 0.8, 0.5).passed
    assert not gate.check_sources(Area(0.51, 0.0, chance=0.2), 0.8, 0.1).passed
    assert gate.check_sources(Area(0.49, 0.02, chance=0.2), 0.8, 0.5).passed
    assert not gate.check_sources(Area(0.2, 0.05, chance=0.2), 0.8, 0.5).passed
    assert gate.check_sources(None, None, 0.5).passed


def test_the_error_of_an_area_falls_with_the_anomalous_windows():
    few = [make_example(0.9, 0.0), make_example(0.8, 1.0), make_example(0.1, 0.0)]
    many = [make_example(0.9, 0.0, 9), make_example(0.8, 1.0, 9), make_example(0.1, 0.0, 9)]
    areas = [gate.source_area(b"", [SourceExamples("shop", [], held_out)]) for held_out in (few, many)]
    assert areas[0] == Area(0.5, 0.5, pytest.approx(1 / 3))
    assert areas[1] == Area(0.5, pytest.approx(0.5 / 3), pytest.approx(1 / 3))


def test_the_rate_counts_every_window():
    scores = np.array([0.9, 0.1])
    assert gate.check_rate(scores, [9, 1], 0.0, 0.5).value == pytest.approx(0.9)
    assert not gate.check_rate(scores, [9, 1], 0.0, 0.5).passed
    assert not gate.check_rate(scores[1:], [1], 0.1, 0.5).passed
    assert gate.check_rate(scores[:0], [], 0.0, 0.5).passed


def test_agreement_above_chance():
    good = [make_example(0.9, 1.0), make_example(0.1, 0.0), make_example(0.2, 0.0)]
    blind = [make_example(0.1, 1.0), make_example(0.1, 0.0), make_example(0.2, 0.0)]
    assert gate.check_agreement(b"", good, 0.2).passed
    assert not gate.check_agreement(b"", blind, 0.2).passed
    assert gate.check_agreement(b"", good[1:], 0.2).value == 1.0


def test_a_report_names_what_was_refused():
    checks = (Check("target_rate", 0.9, False, "must lie in [0, 0.5]"), Check("x", None, True, ""))
    report = GateReport(checks, Check("source_auprc", 0.1, False, "must reach 0.2"))
    assert not report.accepted
    assert report.reason == (
        "target_rate is 0.900, must lie in [0, 0.5]; the sources leave the bank, source_auprc is 0.100, must reach 0.2"
    )
    assert report.metrics == {"source_auprc": 0.1, "target_rate": 0.9}
