import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fusionlog.records import LEAST_PAUSE, VERSION, Anomaly, Window, decade, template_id, window_id, window_shape
from tests.factories import make_anomaly, make_window


def test_a_field_of_a_newer_writer_is_ignored() -> None:
    window = make_window()
    newer = {**msgspec.to_builtins(window), "v": 9, "colour": "red"}
    assert msgspec.json.decode(msgspec.json.encode(newer), type=Window) == msgspec.structs.replace(window, v=9)


def test_a_record_of_an_earlier_version_is_refused() -> None:
    older = {**msgspec.to_builtins(make_window()), "v": VERSION - 1}
    with pytest.raises(msgspec.ValidationError, match=r"\$\.v"):
        msgspec.json.decode(msgspec.json.encode(older), type=Window)


@given(st.lists(st.tuples(st.text(max_size=5), st.integers(1, 9)), unique_by=lambda pair: pair[0]), st.randoms())
def test_a_shape_does_not_depend_on_order(counts: list[tuple[str, int]], random: object) -> None:
    shuffled = list(counts)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert window_shape(shuffled) == window_shape(counts)


def test_a_shape_depends_on_the_counts() -> None:
    assert window_shape([("a", 1)]) != window_shape([("a", 2)])


def test_ids_do_not_change_between_releases() -> None:
    assert template_id("connection opened") == "163252fcfcc3d24f"
    assert window_id("t", 0, (1, 0), (2, 3), "s") == "e83adad04d8f82095cc95554d21ab2a4"
    assert window_shape([("a", 2), ("b", 1)]) == "05f0bdb24b8cfd600fc0cd5f"


def test_a_shape_has_the_decades_of_its_longest_duration_and_pause() -> None:
    counts = [("a", 2), ("b", 1)]
    assert window_shape(counts, None, None) == window_shape(counts)
    assert window_shape(counts, ("a", 1.0)) == window_shape(counts, ("a", 9.99)) != window_shape(counts)
    assert window_shape(counts, ("a", 3.9)) != window_shape(counts, ("b", 3.9))
    assert window_shape(counts, ("a", 100.0)) == window_shape(counts, ("a", 1e6))
    assert window_shape(counts, None, ("a", 30.0)) not in {window_shape(counts), window_shape(counts, ("a", 30.0))}


@pytest.mark.parametrize(("seconds", "number"), [(10.0, 0), (99.0, 0), (100.0, 1), (999.0, 1), (1000.0, 2), (1e9, 2)])
def test_decades_of_pauses_begin_at_ten_seconds_and_the_third_is_open(seconds: float, number: int) -> None:
    assert decade(seconds, LEAST_PAUSE) == number


def test_an_anomaly_of_an_earlier_build_is_read() -> None:
    new = {"title", "severity", "own_times", "hosts", "files"}
    old = {"absent", "typical", "share", "windows", "beside", "level", "atypical", "value"}
    written = msgspec.to_builtins(make_anomaly("disk failed"))
    evidence = [{key: each[key] for key in each.keys() - old} for each in written["evidence"]]
    read = msgspec.convert({**{key: written[key] for key in written.keys() - new}, "evidence": evidence}, Anomaly)
    assert (read.title, read.severity, read.evidence[0].absent, read.hosts) == ("", "warning", False, [])
