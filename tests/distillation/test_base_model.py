import pytest

from fusionlog.distillation.base_model import base_release
from fusionlog.errors import ModelError, SettingError
from fusionlog.releases import BASE, bank_vectors, sign, verify
from tests.distillation.factories import SETTINGS, OneHot, make_fit, make_source


def release(*sources, settings=SETTINGS):
    fit = make_fit(settings)
    return base_release(
        sources, OneHot(), "onehot", settings, lambda jobs, how: [fit(examples) for examples in jobs], now=5.0, job="j"
    )


def test_a_base_knows_its_sources_and_is_measured_on_what_it_was_not_taught():
    base = sign(release(make_source()), None)
    verify(base, None)
    assert base.system == BASE and base.lineage.sources == ["mill"] and base.encoder == "onehot"
    assert {event.text for event in base.bank} == {"job started", "job lost", "retry scheduled"}
    assert bank_vectors(base).shape == (3, 6)
    assert base.reference_auprc == base.metrics["source_auprc"] == base.metrics["auprc.mill"] == pytest.approx(1.0)


def test_a_set_tau_is_taken():
    settings = SETTINGS.model_copy(update={"tau": 0.42})
    assert release(make_source(), settings=settings).tau == 0.42


def test_a_base_has_the_detector_and_the_training_of_the_settings():
    told = []

    def fits(jobs, how):
        told.append(([example.order is None for job in jobs for example in job], how))
        return [b"model"] * len(jobs)

    settings = SETTINGS.model_copy(update={"detector": "gru", "base": "mldg"})
    source = make_source()
    with pytest.raises(ModelError):
        base_release([source], OneHot(), "onehot", settings, fits, now=5.0)
    assert told == [([False] * 4, "mldg")]
    base = release(source, settings=settings)
    assert base.detector == "gru" and base.metrics["auprc.mill"] == pytest.approx(1.0)


def test_no_source():
    with pytest.raises(SettingError, match="source"):
        release()
