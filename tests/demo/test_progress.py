from prometheus_client import CollectorRegistry, Counter, Gauge

from fusionlog.demo.progress import _SUMS, Counts, Progress, count
from fusionlog.observability import metrics
from fusionlog.records import ModelRelease
from tests.factories import make_release


def make_registry(**counters: float) -> CollectorRegistry:
    """A worker's metrics: counters of the system `shop`; `lines_open` is a gauge."""
    registry = CollectorRegistry()
    for name, value in counters.items():
        if name == "lines_open":
            Gauge("fusionlog_lines_open", "", ["system"], registry=registry).labels("shop").set(value)
        else:
            Counter(f"fusionlog_{name}", "", ["system"], registry=registry).labels("shop").inc(value)
    return registry


def test_counters_are_summed_over_workers_and_swaps_are_not() -> None:
    one = make_registry(lines=10, lines_windowed=7, lines_open=1, model_swaps=2)
    other = make_registry(lines=5, lines_windowed=5, model_swaps=1)
    counts = count([one.collect(), other.collect(), []])
    assert (counts.lines_in, counts.lines_in_windows, counts.lines_open, counts.model_swaps) == (15, 12, 1, 2)


def test_windows_are_told_apart_by_their_route() -> None:
    registry = CollectorRegistry()
    windows = Counter("fusionlog_windows", "", ["system", "route"], registry=registry)
    windows.labels("shop", "general").inc(3)
    windows.labels("shop", "proprietary").inc(4)
    counts = count([registry.collect()])
    assert (counts.windows_general, counts.windows_proprietary) == (3, 4)


def test_every_counter_that_is_read_is_one_that_workers_write() -> None:
    known = [metric for metric in vars(metrics).values() if isinstance(metric, Counter | Gauge)]
    written = {f"{family.name}{end}" for metric in known for family in metric.describe() for end in ("", "_total")}
    assert {name for name, _ in _SUMS.values()} <= written


def test_it_is_settled_only_when_every_line_and_window_has_its_fate() -> None:
    done = Counts(lines_in=10, lines_in_windows=8, lines_dropped=2, windows_general=2, windows_scored=2)
    assert done.settled(10)
    assert not done.settled(11)
    assert not Counts(lines_in=10, lines_in_windows=9, windows_general=1, windows_scored=1).settled(10)
    assert not Counts(lines_in=1, lines_in_windows=1, windows_proprietary=1).settled(1)


def test_the_model_is_the_targets_own_before_a_newer_base() -> None:
    progress = Progress(target="shop", teacher="t", lines_total=1)
    assert progress.model == "none yet"
    for release in (make_release(system="shop", created=1.0), make_release(system="*", created=2.0)):
        add(progress, release)
    assert progress.model == make_release(system="shop", created=1.0).version


def add(progress: Progress, release: ModelRelease) -> None:
    progress.releases[release.version] = release
