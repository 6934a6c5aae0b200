import socket
from types import SimpleNamespace

import pytest

from fusionlog.errors import RayError
from ray_jobs import submit as module
from ray_jobs.submit import submit


def test_a_cluster_that_does_not_answer_is_one_sentence():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{probe.getsockname()[1]}"
    with pytest.raises(RayError, match=f"no Ray Jobs API at {address}: start Ray there, or set FUSIONLOG_RAY_ADDRESS"):
        submit(address, ["true"], {})


class FakeClient:
    """A fake of Ray's: every job that is taken has ended well."""

    def __init__(self, refusals=()):
        self.refusals, self.sent = list(refusals), {}

    def submit_job(self, entrypoint, runtime_env):
        if self.refusals:
            raise RuntimeError(self.refusals.pop(0))
        self.sent.update(runtime_env)
        return "job-1"

    def get_job_status(self, job):
        return SimpleNamespace(is_terminal=lambda: True, __str__=lambda: "SUCCEEDED")

    def get_job_logs(self, job):
        return ""

    def get_job_info(self, job):
        return SimpleNamespace(driver_exit_code=0)


NO_AGENT = "Request failed with status code 500: No available agent to submit job, please try again later.."


def test_a_job_waits_for_a_ray_that_has_just_started(monkeypatch):
    monkeypatch.setattr(module, "_client", lambda address, token: FakeClient([NO_AGENT, NO_AGENT]))
    assert submit("http://there:1", ["true"], {}).job == "job-1"


@pytest.mark.parametrize(("refusal", "seconds"), [(NO_AGENT, 0.0), ("status code 500: no such environment", 60.0)])
def test_a_ray_that_takes_no_job_is_one_sentence(monkeypatch, refusal, seconds):
    monkeypatch.setattr(module, "_client", lambda address, token: FakeClient([refusal] * 3))
    monkeypatch.setattr(module, "START_SECONDS", seconds)
    with pytest.raises(RayError, match="Ray at http://there:1 stopped answering"):
        submit("http://there:1", ["true"], {})


def test_the_values_of_secrets_are_not_sent_to_ray(monkeypatch):
    client = FakeClient()
    monkeypatch.setattr(module, "_client", lambda address, token: client)
    environment = {"FUSIONLOG_KAFKA__SASL_PASSWORD": "hush", "FUSIONLOG_KAFKA__SASL_PASSWORD_FILE": "/run/secrets/p"}
    submit("http://there:1", ["true"], environment)
    assert client.sent == {
        "env_vars": {
            "FUSIONLOG_KAFKA__SASL_PASSWORD_FILE": "/run/secrets/p",
            "FUSIONLOG_NODE_SECRETS": "FUSIONLOG_KAFKA__SASL_PASSWORD",
        }
    }


def test_an_address_is_named_without_its_login():
    with pytest.raises(RayError, match=r"no Ray Jobs API at http://\*\*\*@127.0.0.1:9: ") as raised:
        submit("http://me:hush@127.0.0.1:9", ["true"], {})
    assert "hush" not in str(raised.value)
