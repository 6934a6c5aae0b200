""""""

from __future__ import annotations

from fusionlog.methods.protocol import Result


def units_of(result: Result) -> int:
    """How many windows of the test half a result's method asked about."""
    test = {outcome.session for outcome in result.outcomes}
    return sum(asked.session in test for asked in result.asked)
