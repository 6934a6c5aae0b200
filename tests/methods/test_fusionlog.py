from __future__ import annotations

from dataclasses import replace

import pytest

from fusionlog.distillation.distill import NothingToDistilError
from fusionlog.distillation.source_regressions import OfflineFit
from fusionlog.methods.fusionlog import distil
from fusionlog.records import ModelRelease
from tests.factories import make_regression, make_release
from tests.methods.test_stream import BANK, sessions, target_of


def test_a_target_is_distilled_with_what_the_sources_teach(monkeypatch: pytest.MonkeyPatch) -> None:
    parents = []

    def distill(
        _labels: object, _windows: object, _sources: object, parent: ModelRelease, *_: object, **__: object
    ) -> None:
        parents.append(parent)
        raise NothingToDistilError

    monkeypatch.setattr("fusionlog.methods.fusionlog.distill", distill)
    target, regression = target_of(*sessions(3, "disk opened")), make_regression(1.0, 0.5, 2.0, 1.0, -3.0)
    target.context = replace(target.context, offline_fit=lambda: OfflineFit(None, regression))
    distil(target, [], make_release(*BANK))
    assert [parent.novelty for parent in parents] == [regression]
