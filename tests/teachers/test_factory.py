from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fusionlog.errors import SettingError
from fusionlog.settings import AlphaSettings, LabelSettings, Settings
from fusionlog.teachers.factory import check_labeller, make_teacher


def named(url: str | None) -> str:
    settings = Settings(label=LabelSettings(url=url, model="tiny"))
    return make_teacher(settings, [], lambda texts: np.zeros((len(texts), 2), dtype=np.float32)).name


def test_the_endpoint_speaks_where_one_is_configured_and_the_name_says_so() -> None:
    assert named(None) == "offline"
    assert named("http://127.0.0.1:1/v1") == "llm:tiny"


@pytest.mark.parametrize("url", ["127.0.0.1:8089", "ftp://host/v1", "http://", "http://host:port/v1"])
def test_a_wrong_url_is_named_before_any_call(url: str) -> None:
    with pytest.raises(SettingError, match="FUSIONLOG_LABEL__URL"):
        named(url)


def alpha_with(url: str | None = "http://127.0.0.1:1/v1", units: int = 20, **fields: Any) -> Settings:
    return Settings(label=LabelSettings(labeller="alpha", url=url, units_per_call=units), **fields)


def test_the_labeller_alpha_takes_a_language_model_and_a_method_that_learns(tmp_path: Path) -> None:
    (tmp_path / "systems.yaml").write_text("shop: {method: fusionlog}\ntill: {method: source-only}\n")
    check_labeller(alpha_with())
    check_labeller(alpha_with(systems_file=tmp_path / "systems.yaml", method="llm-only"))
    check_labeller(Settings(method="llm-only"))


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        (alpha_with(url=None), "LABELLER is 'alpha': .* FUSIONLOG_LABEL__URL; or take direct"),
        (alpha_with(method="llm-only"), "LABELLER is 'alpha': under method llm-only the teacher is asked about every"),
        (alpha_with(units=2), "UNITS_PER_CALL is 2: one call must hold a cluster's 3 representatives"),
    ],
)
def test_a_labeller_that_does_not_fit_is_refused_with_the_way_out(settings: Settings, says: str) -> None:
    with pytest.raises(SettingError, match=says):
        check_labeller(settings)


def test_no_representatives_but_one_fit_into_a_call_of_one() -> None:
    check_labeller(alpha_with(units=1, alpha=AlphaSettings(central=1, uncertain=0)))
