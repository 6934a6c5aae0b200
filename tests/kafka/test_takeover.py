"""Where reading begins."""

from __future__ import annotations

import pytest
from aiokafka.structs import OffsetAndMetadata

from fusionlog.kafka.crash_notes import Suspect
from fusionlog.kafka.takeover import Extent, takeover


def test_without_a_commit_it_begins_with_the_first_record_there_is() -> None:
    found = takeover(Extent(40, 90), None)
    assert (found.start, found.deleted, found.committed, found.replaced) == (40, 0, None, False)


@pytest.mark.parametrize(("offset", "start", "deleted"), [(40, 40, 0), (60, 60, 0), (90, 90, 0), (10, 40, 30)])
def test_it_goes_on_at_the_commit_and_counts_what_is_gone_behind_it(offset: int, start: int, deleted: int) -> None:
    mark = OffsetAndMetadata(offset, "m")
    found = takeover(Extent(40, 90), mark, Suspect(50, 50, 1, "e"))
    assert (found.start, found.deleted, found.committed, found.replaced) == (start, deleted, mark, False)
    assert found.suspect is not None


def test_a_commit_behind_the_end_is_of_another_log() -> None:
    found = takeover(Extent(0, 90), OffsetAndMetadata(91, "m"), Suspect(50, 50, 1, "e"))
    assert (found.start, found.deleted, found.committed, found.replaced, found.suspect) == (0, 0, None, True, None)
