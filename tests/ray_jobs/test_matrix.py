from pathlib import Path

from fusionlog.evaluation.matrix import Task
from ray_jobs.matrix import groups


def task(target: str, fold: str, seed: int = 0) -> Task:
    return Task(data=Path("data"), target=target, sources=("mill",), method="m", fold=fold, seed=seed)  # type: ignore[arg-type]


def test_the_folds_of_a_run_stay_together_and_nothing_else_does() -> None:
    todo = [task("shop", "forward"), task("farm", "forward"), task("farm", "reverse"), task("shop", "reverse", seed=1)]
    assert groups(todo) == [[todo[0]], [todo[1], todo[2]], [todo[3]]]
