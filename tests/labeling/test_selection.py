from __future__ import annotations

import numpy as np
import pytest

from fusionlog.errors import SettingError
from fusionlog.labeling.selection import make_teacher
from fusionlog.settings import LabelSettings, Settings


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
