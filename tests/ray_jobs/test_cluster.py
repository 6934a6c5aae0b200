"""A cluster to run jobs on: what is submitted where, and a local one that does not come up."""

import sys

import pytest

from fusionlog.errors import RayError
from fusionlog.utils.processes import Child, ChildError
from ray_jobs import cluster as module
from ray_jobs.submit import TOKEN_VARIABLE


@pytest.fixture
def submitted(monkeypatch):
    calls = []
    monkeypatch.setattr(module, "submit", lambda *arguments: calls.append(arguments))
    return calls


async def child_of(tmp_path, code):
    child = Child("the local Ray", [sys.executable, "-c", code], tmp_path / "log")
    await child.start()
    return child


async def test_a_cluster_that_is_there_runs_jobs_by_its_own_python(submitted, monkeypatch, tmp_path):
    monkeypatch.setenv(TOKEN_VARIABLE, "secret")
    async with module.cluster("http://there:1", tmp_path / "log") as found:
        await found.run("distill", ["--system", "shop"], {"A": "1"}, timeout=7.0, show=print)
    command = ["python", "-m", "ray_jobs.distill", "--system", "shop"]
    assert submitted == [("http://there:1", command, {"A": "1"}, 7.0, "secret", print)]


async def test_a_local_one_is_used_at_the_address_that_it_prints_with_its_token(submitted, tmp_path):
    code = "import time; print('some warning'); print('http://127.0.0.1:9', flush=True); time.sleep(60)"
    child = await child_of(tmp_path, code)
    try:
        await module.Cluster(None, child, "secret").run("distill", [], {})
    finally:
        await child.stop(1.0)
    [(address, command, _, _, token, _)] = submitted
    assert (address, command, token) == ("http://127.0.0.1:9", [sys.executable, "-m", "ray_jobs.distill"], "secret")


async def test_a_local_one_that_ends_is_said_with_its_last_words(tmp_path, submitted):
    child = await child_of(tmp_path, "print('no room for it')")
    with pytest.raises(ChildError, match="no room for it"):
        await module.Cluster(None, child).run("distill", [], {})
    assert submitted == []


async def test_a_local_one_that_says_no_address_is_given_up(tmp_path, monkeypatch, submitted):
    monkeypatch.setattr(module, "START_SECONDS", 0.3)
    child = await child_of(tmp_path, "import time; time.sleep(60)")
    try:
        with pytest.raises(RayError, match="did not come up"):
            await module.Cluster(None, child).run("distill", [], {})
    finally:
        await child.stop(1.0)
