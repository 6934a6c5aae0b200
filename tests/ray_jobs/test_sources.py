"""Labelled sources of a job: from directories, URLs, and systems on Kafka with a file of labels."""

from __future__ import annotations

from pathlib import Path

import pytest

from fusionlog.errors import DataError, SettingError
from fusionlog.records import Window
from fusionlog.settings import Settings
from ray_jobs.sources import OnKafka, Places, read
from tests.evaluation.factories import write_data
from tests.factories import make_window

Lines = list[str]


@pytest.fixture
def data(tmp_path: Path) -> str:
    return str(write_data(tmp_path / "data"))


def none(system: str) -> list[Window]:
    raise AssertionError(f"no window of {system} is needed")


def systems(places: Places, *targets: str) -> list[str]:
    return [source.system for source in read(places, targets, Settings(), none, print)]


def test_without_a_place_there_is_no_source_and_a_name_is_of_the_bundled_ones() -> None:
    assert systems(Places()) == []
    assert systems(Places.of([], ["postfix"])) == ["postfix"]


def test_a_place_gives_all_its_systems_but_the_targets(data: str) -> None:
    assert systems(Places.of([data], [])) == ["shop", "mill", "farm"]
    assert systems(Places.of([data], []), "mill") == ["shop", "farm"]


def test_names_choose(data: str, tmp_path: Path) -> None:
    other = str(write_data(tmp_path / "other", systems=("yard",)))
    assert systems(Places.of([data, other], ["yard", "shop"])) == ["shop", "yard"]


def test_a_name_that_is_nowhere_is_refused_with_the_nearest(data: str) -> None:
    with pytest.raises(SettingError, match="did you mean mill"):
        systems(Places.of([data], ["mil"]))


def test_a_name_that_is_in_two_places_is_refused(data: str, tmp_path: Path) -> None:
    other = str(write_data(tmp_path / "other", systems=("shop",)))
    with pytest.raises(SettingError, match="has a system shop as well"):
        systems(Places.of([data, other], []))


@pytest.mark.parametrize(("places", "names"), [([], ["shop"]), (["kafka:shop=labels.csv"], [])])
def test_a_target_is_no_source_of_its_own_job(places: Lines, names: Lines) -> None:
    with pytest.raises(SettingError, match="a target's labels are never learned from"):
        Places.of(places, names).check(["shop"])


@pytest.mark.parametrize("place", ["kafka:", "kafka:shop", "kafka:shop=", "kafka:=labels.csv"])
def test_a_system_on_kafka_needs_a_name_and_labels(place: str) -> None:
    with pytest.raises(SettingError, match="kafka:SYSTEM=LABELS"):
        Places.of([place], [])


def test_a_system_on_kafka_is_labelled_by_session(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_text("id,anomalous\ns1,1\ns2,0\ns9,0\n")
    windows = [
        make_window(session=session, first_offset=10 * number) for number, session in enumerate(("s1", "s2", "s3"))
    ]
    places = Places.of([f"kafka:shop={path}"], [])
    assert places.on_kafka == (OnKafka("shop", str(path)),)
    shown: Lines = []
    (source,) = read(places, (), Settings(), lambda _: windows, shown.append)
    assert source.windows == windows[:2] and source.anomalous == {"s1": True, "s2": False}
    assert shown == [
        "source shop, 2 sessions of Kafka; left out: 1 windows without a label and 1 labels without a window"
    ]


def test_labels_that_fit_no_window_are_an_error(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_text("id,anomalous\nx,1\n")
    with pytest.raises(DataError, match="none of its 1 ids is a session of the 1 windows of shop"):
        read(Places.of([f"kafka:shop={path}"], []), (), Settings(), lambda _: [make_window()], print)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "its header is None"), ("session,label\ns1,1\n", "its header is"),
        ("id,anomalous\ns1,true\n", "line 2 is"), ("id,anomalous\ns1\n", "line 2 is"),
        ("id,anomalous\ns1,1,x\n", "line 2 is"),
    ],
)  # fmt: skip
def test_a_file_of_labels_of_another_form_is_refused(tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "labels.csv"
    path.write_text(text)
    with pytest.raises(DataError, match=problem):
        read(Places.of([f"kafka:shop={path}"], []), (), Settings(), lambda _: [make_window()], print)
