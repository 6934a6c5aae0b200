from pathlib import Path

import pytest

from fusionlog.errors import DataError, SettingError
from fusionlog.evaluation.matrix import FoldChoice, key_of, make_tasks
from fusionlog.settings import DistillSettings, LabelSettings, Settings
from tests.evaluation.factories import write_data


def test_every_system_is_the_target_of_the_others_in_turn(data: Path) -> None:
    tasks = make_tasks(data, methods=["keyword"], fold=FoldChoice.reverse, seeds=2)
    assert [(task.target, task.sources, task.fold, task.seed) for task in tasks[:3]] == [
        ("shop", ("mill", "farm"), "reverse", 0), ("shop", ("mill", "farm"), "reverse", 1),
        ("mill", ("shop", "farm"), "reverse", 0),
    ]  # fmt: skip
    assert len(tasks) == 6


def test_both_folds_and_the_default_method(data: Path) -> None:
    tasks = make_tasks(data, ["shop"], ["mill"])
    assert [(task.fold, task.method, task.sources) for task in tasks] == [
        ("forward", "fusionlog+online", ("mill",)), ("reverse", "fusionlog+online", ("mill",)),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"targets": ["moon"]}, "--target is 'moon'"),
        ({"sources": ["moon"]}, "--source is 'moon'"),
        ({"methods": ["magic"]}, "--method is 'magic'"),
        ({"targets": ["shop"], "sources": ["shop", "mill"]}, "never learned from"),
    ],
)
def test_what_cannot_be_is_said(arguments: dict[str, list[str]], said: str, data: Path) -> None:
    with pytest.raises(SettingError, match=said):
        make_tasks(data, **{"methods": ["keyword"], **arguments})


def test_a_lone_system_has_nobody_to_learn_from(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no labelled system beside shop"):
        make_tasks(write_data(tmp_path, systems=("shop",)), methods=["keyword"])


def test_a_key_tells_data_settings_and_teachers_apart_but_not_secrets(data: Path) -> None:
    task, other = make_tasks(data, ["shop"], methods=["keyword"])
    settings = Settings()
    same = Settings(label=LabelSettings(api_key="secret"))
    keys = [
        key_of(task, settings, "offline"), key_of(other, settings, "offline"), key_of(task, settings, "recorded"),
        key_of(task, Settings(distill=DistillSettings(steps=7)), "offline"),
    ]  # fmt: skip
    assert len(set(keys)) == 4
    assert key_of(task, same, "offline") == key_of(task, Settings(label=LabelSettings(api_key="other")), "offline")
    with (data / "mill" / "labels.csv").open("a") as file:
        file.write("s99,0\n")
    assert key_of(task, settings, "offline") != keys[0]
