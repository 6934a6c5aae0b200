"""Ray's Jobs API over HTTP: what is sent, and what each answer is; a fake of Ray answers."""

from __future__ import annotations

import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web

from fusionlog.errors import RayError
from fusionlog.workers.train.ray_api import JobStatus, RayApi, RefusedJobError

ID = "fusionlog-train-0123456789abcdef"


@dataclass
class FakeJobsApi:
    """A fake of Ray's Jobs API: it answers what a test puts into `answers`, by method and path."""

    answers: dict[str, tuple[int, str]] = field(default_factory=dict)
    requests: list[tuple[str, Any, str | None]] = field(default_factory=list)

    async def handle(self, request: web.Request) -> web.Response:
        body = await request.json() if request.can_read_body else None
        name = f"{request.method} {request.path}"
        self.requests.append((name, body, request.headers.get("Authorization")))
        status, text = self.answers.get(name, (404, "Job does not exist"))
        return web.Response(status=status, text=text)


@asynccontextmanager
async def served(fake: FakeJobsApi, token: str | None = None) -> AsyncIterator[RayApi]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", fake.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    api = RayApi(f"http://127.0.0.1:{runner.addresses[0][1]}/", token)
    try:
        yield api
    finally:
        await api.close()
        await runner.cleanup()


def described(status: str, code: int | None = None) -> tuple[int, str]:
    return 200, json.dumps({"status": status, "driver_exit_code": code, "message": "as it is"})


async def test_a_job_is_submitted_under_its_id_with_the_token() -> None:
    fake = FakeJobsApi({"POST /api/jobs/": (200, "{}")})
    async with served(fake, "hush") as ray:
        await ray.submit(ID, "python -m x", {"A": "b"})
    body = {"entrypoint": "python -m x", "submission_id": ID, "runtime_env": {"env_vars": {"A": "b"}}}
    assert fake.requests == [("POST /api/jobs/", body, "Bearer hush")]


async def test_a_second_submission_is_found_by_its_id() -> None:
    fake = FakeJobsApi({"POST /api/jobs/": (500, "already exists"), f"GET /api/jobs/{ID}": described("RUNNING")})
    async with served(fake) as ray:
        await ray.submit(ID, "true", {})


async def test_a_job_that_is_not_taken_has_the_reason() -> None:
    fake = FakeJobsApi({"POST /api/jobs/": (500, "Traceback\nValueError: no such environment")})
    async with served(fake) as ray:
        with pytest.raises(RefusedJobError, match="ValueError: no such environment"):
            await ray.submit(ID, "true", {})


async def test_a_ray_without_a_node_that_takes_jobs_is_away() -> None:
    fake = FakeJobsApi({"POST /api/jobs/": (500, "No available agent to submit job")})
    async with served(fake) as ray:
        with pytest.raises(RayError, match="no node yet") as raised:
            await ray.submit(ID, "true", {})
    assert not isinstance(raised.value, RefusedJobError)


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (described("PENDING"), JobStatus("pending", "as it is")),
        (described("SUCCEEDED", 0), JobStatus("succeeded", "as it is", 0)),
        (described("FAILED", 3), JobStatus("failed", "as it is", 3)),
        (described("STOPPED"), JobStatus("stopped", "as it is")),
        ((404, "Job does not exist"), None),
    ],
)
async def test_statuses(answer: tuple[int, str], status: JobStatus | None) -> None:
    async with served(FakeJobsApi({f"GET /api/jobs/{ID}": answer})) as ray:
        assert await ray.status(ID) == status


@pytest.mark.parametrize("answer", [(500, "Traceback\nboom"), (200, "<html>"), (200, "[]"), (302, "")])
async def test_an_answer_that_is_none_of_ray_is_one_sentence(answer: tuple[int, str]) -> None:
    async with served(FakeJobsApi({f"GET /api/jobs/{ID}": answer})) as ray:
        with pytest.raises(RayError, match=r"Ray at http://127\.0\.0\.1"):
            await ray.status(ID)


async def test_a_refused_token_names_its_setting() -> None:
    async with served(FakeJobsApi({f"GET /api/jobs/{ID}": (401, "")})) as ray:
        with pytest.raises(RayError, match="FUSIONLOG_RAY_TOKEN"):
            await ray.status(ID)


async def test_an_unknown_status_is_no_end() -> None:
    async with served(FakeJobsApi({f"GET /api/jobs/{ID}": described("PAUSED")})) as ray:
        with pytest.raises(RayError, match="unknown status 'PAUSED'"):
            await ray.status(ID)


async def test_a_log_and_a_stop() -> None:
    fake = FakeJobsApi(
        {f"GET /api/jobs/{ID}/logs": (200, '{"logs": "a\\nb"}'), f"POST /api/jobs/{ID}/stop": (200, "{}")}
    )
    async with served(fake) as ray:
        assert await ray.log(ID) == "a\nb"
        await ray.stop(ID)
    assert fake.requests[-1][0] == f"POST /api/jobs/{ID}/stop"


async def test_a_cluster_that_is_away_is_one_sentence_without_its_login() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    ray = RayApi(f"http://me:hush@127.0.0.1:{port}")
    with pytest.raises(RayError, match="start Ray there, or set FUSIONLOG_RAY_ADDRESS") as raised:
        await ray.status(ID)
    assert "hush" not in str(raised.value)
    await ray.close()
