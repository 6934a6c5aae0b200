"""A real local Ray: one for the whole module."""

import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from fusionlog.errors import RayError
from ray_jobs.submit import TOKEN_VARIABLE, submit

pytestmark = [pytest.mark.ray, pytest.mark.slow]

TOKEN = "0123456789abcdef" * 4
PASSWORD, SIGNATURE = "hush-5b1e-password", "hush-77aa-login"
SECRETS = {
    "FUSIONLOG_KAFKA__SASL_PASSWORD": PASSWORD,
    "FUSIONLOG_LABEL__URL": f"https://me:{SIGNATURE}@host/v1",
}
SHOW = """
import json, os
from fusionlog.settings import load

found = load()
secrets = [found.kafka.sasl_password.get_secret_value(), found.label.url.get_secret_value()]
print(json.dumps({"lengths": [len(each) for each in secrets], "directory": os.environ["LOCAL_RAY_DIRECTORY"]}))
"""
TRAIN = """
import json, numpy as np
from fusionlog.detector.examples import Example
from fusionlog.detector.onnx_session import Detector
from fusionlog.detector.batch import collate
from fusionlog.settings import load
from ray_jobs import tasks

def example(place, probability):
    return Example(np.eye(4, dtype="f4")[[place]], np.ones(1, dtype="f4"), probability, np.array([probability], "f4"))

examples = [example(0, 0.0), example(1, 1.0)]
with tasks.connected() as job:
    models = tasks.RayTrainer(load().distill)([examples, examples])
said, _ = Detector(models[0], "cpu").score(collate([(e.vectors, e.counts) for e in examples]))
print(json.dumps({"published": 1, "job": job, "equal": models[0] == models[1], "said": said.tolist()}))
"""


@pytest.fixture(scope="module")
def ray():
    env = {**os.environ, **SECRETS, TOKEN_VARIABLE: TOKEN}
    process = subprocess.Popen([sys.executable, "-m", "ray_jobs.local"], stdout=subprocess.PIPE, text=True, env=env)
    try:
        address = process.stdout.readline().strip()
        assert address.startswith("http://127.0.0.1:")
        yield address
    finally:
        before = _of(process.pid)
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
        process.stdout.close()
        assert before
        deadline = time.monotonic() + 20
        while alive := [pid for pid in before if _alive(pid)]:
            assert time.monotonic() < deadline, f"these outlived it: {alive}"
            time.sleep(0.05)


def _of(parent):
    """The processes that descend from one."""
    found = []
    for place in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = place.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == parent:
            found += [int(place.parent.name), *_of(int(place.parent.name))]
    return found


def _alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_training_runs_as_tasks_of_a_job(ray):
    env = {"FUSIONLOG_DISTILL__STEPS": "150", "FUSIONLOG_DISTILL__HIDDEN": "16"}
    result = submit(ray, [sys.executable, "-c", TRAIN], env, token=TOKEN)
    assert result.code == 0 and result.published == 1
    assert result.report["equal"], "the same examples and seed give the same model on every worker"
    assert result.report["said"][0] < 0.5 < result.report["said"][1]
    assert result.report["job"]


def test_a_job_has_the_secrets_of_this_environment_and_no_file_of_ray_has_them(ray):
    result = submit(ray, [sys.executable, "-c", SHOW], {**SECRETS, "FUSIONLOG_SYSTEM": "a-plain-setting"}, token=TOKEN)
    assert result.report["lengths"] == [len(value) for value in SECRETS.values()]
    directory = Path(result.report["directory"])
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700, "no other user can pass it"
    files = {path: path.read_bytes() for path in directory.rglob("*") if path.is_file() and not path.is_symlink()}
    assert any(b"a-plain-setting" in content for content in files.values()), "Ray writes down what a job is sent"
    hidden = [each.encode() for each in (PASSWORD, SIGNATURE, TOKEN)]
    assert [path for path, content in files.items() if any(each in content for each in hidden)] == []


def test_exit_codes_that_are_results_come_back_and_others_are_errors(ray):
    assert submit(ray, [sys.executable, "-c", "raise SystemExit(3)"], {}, token=TOKEN).code == 3
    with pytest.raises(RayError, match="no such luck"):
        submit(ray, [sys.executable, "-c", "raise SystemExit('no such luck')"], {}, token=TOKEN)


def test_a_job_that_takes_too_long_is_stopped(ray):
    with pytest.raises(RayError, match="did not end in 1 s"):
        submit(ray, [sys.executable, "-c", "import time; time.sleep(60)"], dict(os.environ), timeout=1, token=TOKEN)


def test_nobody_without_the_token_can_run_a_job(ray):
    with pytest.raises(RayError, match="set FUSIONLOG_RAY_TOKEN or RAY_AUTH_TOKEN"):
        submit(ray, [sys.executable, "-c", "print('in')"], {})
