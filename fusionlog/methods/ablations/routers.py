"""What the router ablations compare: the number of queries on the test half."""

from __future__ import annotations

from fusionlog.methods.protocol import Result


def units_of(result: Result) -> int:
    """The number of teacher queries on the test half of a result."""
    test = {outcome.session for outcome in result.outcomes}
    return sum(asked.session in test for asked in result.asked)
