"""What `fusionlog models show` has of a release."""

from __future__ import annotations

import msgspec

from fusionlog.cli.models_view import release_lines, view_of
from fusionlog.records import TrainingArtefact, TrainingResult
from tests.factories import make_release

RESULT = TrainingResult(
    outcome="published", reason="v1 from 97 labels; every check passed", at=9.0, seconds=12.34, windows=1200,
    peak_bytes=512 * 2**20,
)  # fmt: skip
TRAINING = TrainingArtefact(
    version="v1", job="fusionlog-train-0123456789abcdef", reasons=["41 new labels"], decided_at=0.0, result=RESULT,
    stages=["shop, 97 labels, 1,200 windows", "shop, fit 1, step 20 of 300"],
)  # fmt: skip


def test_a_release_shows_its_training_and_the_memory_of_its_task() -> None:
    lines = list(release_lines(view_of(make_release(metrics={"target_rate": 0.25}), "withdrawn: share", TRAINING)))
    assert lines[0].endswith("(withdrawn: share)")
    assert "  measured   target_rate 0.25" in lines
    assert lines[-5:] == [
        "  training   fusionlog-train-0123456789abcdef, decided 1970-01-01 00:00:00Z: 41 new labels",
        "  gate       v1 from 97 labels; every check passed",
        "  task       12.3 s, 1,200 windows, 512 MiB at most",
        "  stage      shop, 97 labels, 1,200 windows",
        "  stage      shop, fit 1, step 20 of 300",
    ]


def test_a_release_of_no_train_worker_is_shown_without_one() -> None:
    view = view_of(make_release(), "", None)
    assert "nothing is kept of it" in list(release_lines(view))[-1]
    assert msgspec.json.decode(msgspec.json.encode(view))["training"] is None
