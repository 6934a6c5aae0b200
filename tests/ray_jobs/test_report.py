import json

import pytest
import typer

from fusionlog.errors import ModelError
from ray_jobs.report import Exit, Report, TargetReport, merged, run


async def _publish():
    return Report(outcome="published", reason="all well", system="shop", published=1, metrics={"a": 0.5}), Exit.DONE


async def _fail():
    raise ModelError("no base")


def ended(system, outcome, reason="because", **fields):
    return TargetReport(system=system, outcome=outcome, reason=reason, **fields)


def test_the_last_line_is_the_report(capsys):
    with pytest.raises(typer.Exit) as ended:
        run("shop", _publish)
    sentence, line = capsys.readouterr().out.splitlines()
    assert ended.value.exit_code == 0 and sentence == "published: all well"
    assert json.loads(line)["published"] == 1 and json.loads(line)["metrics"] == {"a": 0.5}


def test_an_error_of_ours_is_a_sentence_and_a_code(capsys):
    with pytest.raises(typer.Exit) as ended:
        run("shop", _fail)
    assert ended.value.exit_code == Exit.FAILED
    assert capsys.readouterr().out.splitlines()[0] == "failed: no base"


@pytest.mark.parametrize(
    ("outcome", "code"),
    [
        ("published", Exit.DONE),
        ("rejected", Exit.REJECTED),
        ("nothing to do", Exit.NOTHING_TO_DO),
        ("failed", Exit.FAILED),
    ],
)
def test_the_job_for_one_target_ends_as_the_target_does(outcome, code):
    report, found = merged([ended("shop", outcome, "so it is", version="v1", labels=3, metrics={"a": 0.5})], 1.234)
    assert found == code
    assert (report.outcome, report.reason, report.system, report.seconds) == (outcome, "so it is", "shop", 1.23)
    assert (report.version, report.labels, report.metrics) == ("v1", 3, {"a": 0.5})
    assert report.published == (outcome == "published")


@pytest.mark.parametrize(
    ("outcomes", "code"),
    [
        (("published", "rejected", "nothing to do"), Exit.DONE),
        (("rejected", "nothing to do"), Exit.REJECTED),
        (("nothing to do", "nothing to do"), Exit.NOTHING_TO_DO),
        (("published", "failed"), Exit.PARTIAL),
        (("nothing to do", "failed"), Exit.PARTIAL),
        (("failed", "failed"), Exit.FAILED),
    ],
)
def test_the_job_for_several_targets_fails_in_part_or_as_a_whole(outcomes, code):
    targets = [ended(f"s{number}", outcome) for number, outcome in enumerate(outcomes)]
    report, found = merged(targets, 1.0)
    assert found == code
    assert report.targets == targets, "each target has its own result"
    assert report.published == outcomes.count("published")


def test_the_sentence_on_several_targets_counts_them_and_has_the_first_failure():
    report, _ = merged([ended("shop", "published"), ended("mill", "failed", "no base"), ended("farm", "failed")], 1.0)
    assert report.reason == "3 targets: 2 failed, 1 published; the first that failed is mill: no base"
