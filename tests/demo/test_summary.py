from fusionlog.demo.feed import Feed
from fusionlog.demo.progress import Counts, Progress
from fusionlog.demo.summary import Summary, summarise
from fusionlog.workers.anomaly_record import by_teacher
from tests.factories import make_label, make_window

LABELS = {"a": True, "b": False, "c": True}


def make_summary(feed: Feed, flagged: list[tuple[str, int]], counts: Counts | None = None) -> Summary:
    """A summary of a run whose anomalies are (session, first offset) pairs, on a topic whose feed began at 100."""
    progress = Progress(target="shop", teacher="t", lines_total=6, counts=counts or Counts())
    for session, offset in flagged:
        window = make_window(session=session, first_offset=offset)
        progress.anomalies[window.id] = by_teacher(window, make_label(window), 3000.0)
    return summarise(progress, feed, 100, LABELS, ["other"], 1.0)


def test_a_session_counts_once_however_many_of_its_windows_are_anomalous() -> None:
    feed = Feed([], [], None, ["a", "b", "c"])
    summary = make_summary(feed, [("a", 100), ("a", 104), ("b", 102)])
    assert (summary.anomalies, summary.precision, summary.recall, summary.f1) == (3, 0.5, 0.5, 0.5)


def test_a_window_by_count_is_scored_by_the_place_of_its_first_line() -> None:
    feed = Feed([], [], 2, ["a", "b", "c"])
    assert make_summary(feed, [("0-104", 104)]).precision == 1.0
    assert make_summary(feed, [("0-102", 102)]).precision == 0.0


def test_lost_lines_are_noticed() -> None:
    feed = Feed([], [], None, [])
    assert make_summary(feed, [], Counts(lines_in=5, lines_in_windows=3, lines_dropped=2)).conserved
    assert not make_summary(feed, [], Counts(lines_in=5, lines_in_windows=4)).conserved
