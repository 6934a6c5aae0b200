"""The counts of a partition: what is read is what something became of."""

from __future__ import annotations

from prometheus_client import REGISTRY

from fusionlog.parsing.windows import Share
from fusionlog.workers.ingest.tally import Batch, Tally


def count(name: str, input: str = "raw", **labels: str) -> float:
    return REGISTRY.get_sample_value(f"fusionlog_{name}", {"system": "tallied", "input": input, **labels}) or 0.0


def test_each_kind_conserves_at_every_step() -> None:
    tally = Tally("tallied")
    tally.add(Batch(records=4, opened=3, lines=9, joined=1, dropped=2, repeated=1, memberships=6))
    assert (count("lines_open"), count("memberships_open"), count("records_dead_lettered_total")) == (5, 6, 1)
    tally.windowed(Share(2, 3, (0, 0)), "general")
    tally.dead(Share(1, 2, (1, 0)), "crash-loop")
    assert (count("lines_open"), count("memberships_open")) == (2, 1)
    tally.release()
    done = [count(f"lines_{part}_total") for part in ("windowed", "joined", "repeated", "released")]
    assert done == [2, 1, 1, 2] and count("lines_open") == 0
    assert count("lines_dropped_total", rule="no-session-key") == 2
    assert count("lines_dead_lettered_total", reason="crash-loop") == 1
    memberships = [count(f"memberships_{part}_total") for part in ("windowed", "dead_lettered", "released")]
    assert memberships == [3, 2, 1] and count("memberships_total") == 6
    windows = REGISTRY.get_sample_value("fusionlog_windows_total", {"system": "tallied", "route": "general"})
    assert windows == 1


def test_the_stages_of_a_repartitioned_system_are_counted_apart() -> None:
    first, second = Tally("tallied", "raw"), Tally("tallied", "keyed")
    before = count("lines_keyed_total"), count("lines_total"), count("memberships_keyed_total")
    first.add(Batch(records=3, opened=3, lines=3, memberships=4))
    first.keyed(Share(3, 4, (0, 0)))
    second.add(Batch(records=4, opened=4, lines=3, memberships=4))
    second.windowed(Share(3, 4, (0, 0)), "general")
    assert (first.lines_open, second.lines_open, first.memberships_open, second.memberships_open) == (0, 0, 0, 0)
    after = count("lines_keyed_total"), count("lines_total"), count("memberships_keyed_total")
    assert [new - old for new, old in zip(after, before, strict=True)] == [3, 3, 4]
    keyed = [count(name, "keyed") for name in ("records_total", "lines_total", "lines_windowed_total", "lines_open")]
    assert keyed == [4, 3, 3, 0]
