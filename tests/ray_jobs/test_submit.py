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


def test_the_values_of_secrets_are_not_sent_to_ray(monkeypatch):
    sent = {}

    class Client:
        def submit_job(self, entrypoint, runtime_env):
            sent.update(runtime_env)
            return "job-1"

        def get_job_status(self, job):
            return SimpleNamespace(is_terminal=lambda: True, __str__=lambda: "SUCCEEDED")

        def get_job_logs(self, job):
            return ""

        def get_job_info(self, job):
            return SimpleNamespace(driver_exit_code=0)

    monkeypatch.setattr(module, "_client", lambda address, token: Client())
    environment = {"FUSIONLOG_KAFKA__SASL_PASSWORD": "hush", "FUSIONLOG_KAFKA__SASL_PASSWORD_FILE": "/run/secrets/p"}
    submit("http://there:1", ["true"], environment)
    assert sent == {
        "env_vars": {
            "FUSIONLOG_KAFKA__SASL_PASSWORD_FILE": "/run/secrets/p",
            "FUSIONLOG_NODE_SECRETS": "FUSIONLOG_KAFKA__SASL_PASSWORD",
        }
    }


def test_an_address_is_named_without_its_login():
    with pytest.raises(RayError, match=r"no Ray Jobs API at http://\*\*\*@127.0.0.1:9: ") as raised:
        submit("http://me:hush@127.0.0.1:9", ["true"], {})
    assert "hush" not in str(raised.value)
