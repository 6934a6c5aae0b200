"""What the worker that leads decides, submits and keeps, on a fake of Ray and of the topic; killed anywhere."""

from __future__ import annotations

import asyncio

import pytest
from structlog.testing import capture_logs

from fusionlog.records import TrainingRequest
from fusionlog.workers.train.ray_api import JobStatus
from tests.workers.train.fakes import Deployment, Killed, Killer


async def test_targets_that_are_due_are_one_job_with_the_settings_of_the_worker() -> None:
    here = Deployment()
    for system, number in (("shop", 3), ("mill", 4), ("quiet", 2)):
        here.label(system, number)
    await here.check()
    ((id, job),) = here.ray.jobs.items()
    assert job.systems == ["mill", "shop"] and job.env == {"FUSIONLOG_DISTILL__STEPS": "9"}
    assert {state.job for state in here.topic.values()} == {id} and id.startswith("fusionlog-train-")
    await here.check(5)
    assert len(here.ray.jobs) == 1 and here.topic["shop"].phase == "submitted"
    here.ray.end(mill="rejected")
    await here.check(5)
    assert (here.outcome("shop"), here.outcome("mill")) == ("published", "rejected")
    assert here.topic["shop"].result is not None and here.topic["shop"].result.version == "v1"
    assert list(here.artefacts) == ["shop"]
    assert (here.artefacts["shop"].job, here.artefacts["shop"].stages) == (id, ["shop, 9 labels"])


async def test_a_target_is_trained_again_after_the_interval_with_new_labels_alone() -> None:
    here = Deployment()
    here.label("shop")
    await here.check()
    here.ray.end()
    await here.check(200)
    assert here.ray.trainings("shop") == 1
    here.label("shop")
    await here.check()
    await here.check()
    assert here.ray.trainings("shop") == 2


async def test_a_failed_target_is_repeated_with_back_off_and_hinders_no_other() -> None:
    here = Deployment()
    here.label("shop")
    here.label("mill")
    await here.check()
    here.ray.end(shop="failed")
    with capture_logs() as logs:
        await here.check(1)
    assert (here.outcome("mill"), here.outcome("shop")) == ("published", "failed")
    (line,) = (each for each in logs if each["event"] == "a training failed")
    assert (line["system"], line["failures"], line["again_seconds"]) == ("shop", 1, 10)
    await here.check(9)
    assert here.ray.trainings("shop") == 1
    await here.check(2)
    assert (here.ray.trainings("shop"), here.ray.trainings("mill")) == (2, 1)
    here.ray.end()
    await here.check(1)
    assert here.outcome("shop") == "published" and here.topic["shop"].failures == 0


async def test_no_more_jobs_run_at_once_than_may_and_the_others_wait() -> None:
    here = Deployment({"targets_per_job": 2})
    for number in range(5):
        here.label(f"s{number}")
    for jobs in (1, 2, 3):
        await here.check(1)
        assert len(here.ray.jobs) == jobs
        here.ray.end()
        await here.check(1)
    assert {here.outcome(f"s{number}") for number in range(5)} == {"published"}


async def test_ray_that_is_away_is_one_sentence_and_is_waited_for() -> None:
    here = Deployment()
    here.label("shop")
    here.ray.away = "no Ray Jobs API at http://ray:8265 (refused): start Ray there, or set FUSIONLOG_RAY_ADDRESS"
    with capture_logs() as logs:
        for _ in range(5):
            await here.check(1)
    assert [each["why"] for each in logs if each["log_level"] == "warning"] == [here.ray.away]
    assert here.worker.problem == here.ray.away
    here.ray.away = None
    await here.check(1)
    assert here.worker.problem is None and here.ray.trainings("shop") == 1


async def test_ray_that_is_away_is_seen_before_a_training_is_due() -> None:
    here = Deployment()
    here.ray.away = "no Ray Jobs API"
    await here.check(100)
    assert here.worker.problem == "no Ray Jobs API"


async def test_a_job_that_ray_does_not_take_is_a_failure_with_its_reason() -> None:
    here = Deployment()
    here.label("shop")
    here.ray.refusal = "Ray does not take job: no such environment"
    await here.check()
    assert here.topic["shop"].result is not None and here.topic["shop"].result.reason == here.ray.refusal
    here.ray.refusal = None
    await here.check(11)
    assert here.ray.trainings("shop") == 1


async def test_a_job_that_ray_has_lost_is_repeated() -> None:
    here = Deployment()
    here.label("shop")
    await here.check()
    here.ray.jobs.clear()
    await here.check(1)
    assert here.topic["shop"].result is not None and "started again" in here.topic["shop"].result.reason
    await here.check(11)
    assert here.ray.trainings("shop") == 1


async def test_a_job_that_takes_too_long_is_stopped() -> None:
    here = Deployment({"timeout": 50.0})
    here.label("shop")
    await here.check()
    await here.check(51)
    assert here.ray.stopped and here.outcome("shop") == "failed"


async def test_a_job_without_a_log_has_the_result_of_its_exit_code() -> None:
    here = Deployment()
    here.label("shop")
    await here.check()
    (job,) = here.ray.jobs.values()
    job.status = JobStatus("failed", code=4)
    await here.check(1)
    assert here.outcome("shop") == "nothing to do"


async def test_a_job_whose_log_does_not_come_is_repeated_at_last_and_hinders_no_other_job() -> None:
    here = Deployment({"timeout": 50.0, "jobs": 2, "targets_per_job": 1})
    here.label("shop")
    here.label("mill")
    await here.check()
    (shop,) = (id for id, job in here.ray.jobs.items() if job.systems == ["shop"])
    here.ray.no_log = {shop}
    here.ray.end()
    await here.check(1)
    assert (here.topic["shop"].phase, here.worker.problem) == ("submitted", "the log is too long")
    assert here.outcome("mill") == "published"
    await here.check(60)
    assert here.outcome("shop") == "failed"
    await here.check(11)
    assert (here.ray.trainings("shop"), here.ray.trainings("mill")) == (2, 1)


async def test_pause_resume_and_now() -> None:
    here = Deployment()
    here.label("shop")
    here.requests["*"] = TrainingRequest(by="ann", paused=True, paused_at=here.now)
    await here.check(1)
    assert not here.ray.jobs
    here.requests["mill"] = TrainingRequest(by="ann", now_at=here.now)
    here.label("mill", 1)
    await here.check(1)
    assert here.ray.trainings("mill") == 1 and here.topic["mill"].reasons == ["operator"]
    here.ray.end()
    here.requests["*"] = TrainingRequest(by="ann", paused=False, paused_at=here.now)
    await here.check(1)
    await here.check(1)
    assert here.ray.trainings("shop") == 1


async def test_a_pause_holds_a_decision_that_ray_could_not_take_yet() -> None:
    here = Deployment()
    await here.check()
    here.label("shop")
    here.ray.away = "no Ray"
    await here.check()
    here.requests["shop"] = TrainingRequest(by="ann", paused=True, paused_at=here.now)
    here.ray.away = None
    await here.check(1)
    assert not here.ray.jobs and here.topic["shop"].phase == "decided"
    here.label("mill")
    await here.check(1)
    assert here.ray.trainings("mill") == 1, "what is held hinders no other"
    del here.requests["shop"]
    await here.check(1)
    assert here.ray.trainings("shop") == 1


async def test_drift_of_the_windows_makes_one_new_label_enough() -> None:
    here = Deployment({"new_labels": 10})
    here.label("shop", 10)
    here.shares = {"shop": 0.1}
    await here.check()
    here.ray.end()
    await here.check(1)
    here.label("shop", 1)
    await here.check(400)
    assert here.ray.trainings("shop") == 1
    here.shares = {"shop": 0.4}
    await here.check(400)
    assert here.ray.trainings("shop") == 2


async def test_a_worker_that_does_not_lead_decides_nothing() -> None:
    here = Deployment()
    here.label("shop")
    here.worker._states.leads = False  # type: ignore[misc]
    await here.check()
    assert not here.ray.jobs and not here.topic


@pytest.mark.parametrize("at", range(1, 33))
def test_killed_at_any_point_no_training_is_lost_or_doubled(at: int) -> None:
    """Two targets are due together, a third later; the worker is killed at one point, and started again."""
    here = Deployment(killer=Killer(at))

    async def live() -> None:
        here.label("shop")
        here.label("mill")
        for step in range(40):
            if step == 6:
                here.label("pay")
            try:
                await here.check(1)
            except Killed:
                here.started()
            if step % 5 == 4:
                here.ray.end()

    asyncio.run(live())
    assert [here.outcome(name) for name in ("shop", "mill", "pay")] == ["published"] * 3
    assert [here.ray.trainings(name) for name in ("shop", "mill", "pay")] == [1, 1, 1]
    assert set(here.ray.most_at_once.values()) == {1}
    assert all(state.phase == "ended" for state in here.topic.values())
    assert set(here.artefacts) == {"shop", "mill", "pay"}


def test_the_points_of_a_run_are_fewer_than_those_that_are_tried() -> None:
    here = Deployment()

    async def live() -> None:
        for name in ("shop", "mill", "pay"):
            here.label(name)
            await here.check(1)
            here.ray.end()
            await here.check(1)

    asyncio.run(live())
    assert 16 < here.killer.points < 33
