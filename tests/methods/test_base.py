from __future__ import annotations

import pytest

from fusionlog.data.sources import unlabelled
from fusionlog.detector.examples import balanced
from fusionlog.distillation.source_regressions import NO_FIT
from fusionlog.errors import SettingError
from fusionlog.evaluation.fit_cache import LocalTrainer
from fusionlog.methods.base import MethodContext
from fusionlog.releases import BASE
from fusionlog.settings import DistillSettings, Settings
from tests.factories import make_window
from tests.methods import factories

SETTINGS = DistillSettings(steps=3, hidden=8, tau=0.7)


def make_context() -> MethodContext:
    """Two sources and a base that is trained for three steps."""
    known = factories.make_context()
    return MethodContext(Settings(distill=SETTINGS), known.sources, known.encode, known.cache, LocalTrainer(SETTINGS))


def test_the_base_is_of_the_sources_and_of_the_settings() -> None:
    base = make_context().base()
    assert (base.system, base.encoder, base.detector, base.tau) == (BASE, "test", "set", 0.7)
    assert base.lineage.sources == ["mill", "press"] and {event.system for event in base.bank} == {"mill", "press"}


def test_the_base_is_trained_once_and_its_training_is_charged_to_no_run(monkeypatch: pytest.MonkeyPatch) -> None:
    context, fits = make_context(), []
    first = context.base()
    monkeypatch.setattr("fusionlog.evaluation.fit_cache._fit", lambda *_: fits.append(1))
    assert context.base() == first and not fits
    assert isinstance(context.trainer, LocalTrainer) and context.trainer.saved.seconds == 0.0


def test_other_training_settings_give_another_base_and_leave_the_context_as_it_was() -> None:
    context = make_context()
    other = context.with_training(SETTINGS.model_copy(update={"detector": "gru", "tau": 0.6}))
    assert (other.base().detector, other.base().tau) == ("gru", 0.6)
    assert (context.base().detector, context.base().tau) == ("set", 0.7)
    assert other.cache is context.cache and other.settings.score == context.settings.score


def test_a_domain_head_on_the_targets_windows_changes_the_base() -> None:
    context = make_context()
    target = balanced([unlabelled([make_window("disk failed", "connection lost")], context.cache)])
    plain, adversarial = context.base(), context.with_training(SETTINGS, target).base()
    assert plain.onnx != adversarial.onnx and plain.bank == adversarial.bank


def test_a_context_without_regressions_or_a_teacher_has_none() -> None:
    assert make_context().offline_fit() == NO_FIT and make_context().teacher is None


def test_no_base_without_a_source() -> None:
    context = make_context()
    with pytest.raises(SettingError, match="source"):
        MethodContext(context.settings, [], context.encode, context.cache, context.trainer).base()
