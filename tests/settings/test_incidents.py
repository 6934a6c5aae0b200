"""The times of incidents."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from fusionlog.settings import IncidentSettings


@pytest.mark.parametrize(
    ("times", "sentence"),
    [
        ({"quiet_seconds": 1200}, "FUSIONLOG_INCIDENTS__QUIET_SECONDS is 1200: take that or more"),
        ({"reopen_seconds": 60}, "FUSIONLOG_INCIDENTS__QUIET_SECONDS is 300: take that or more"),
        ({"keep_seconds": 100}, "FUSIONLOG_INCIDENTS__REOPEN_SECONDS is 900: take that or more"),
        ({"quiet_seconds": 0}, "greater than 0"),
    ],
)
def test_times_that_contradict_each_other_are_refused(times: dict[str, float], sentence: str) -> None:
    with pytest.raises(ValidationError, match=sentence):
        IncidentSettings(**times)


def test_a_time_may_be_as_short_as_the_one_before_it() -> None:
    assert IncidentSettings(quiet_seconds=900, keep_seconds=900).reopen_seconds == 900
