import socket
from types import SimpleNamespace

import pytest

from fusionlog.errors import RayError
from ray_jobs import submit as module
from ray_jobs.submit import submit


class EndedJob:
    """A fake of Ray's client, whose job ends after so many polls, with a log that grows by a line with each."""

    def __init__(self, *lines, code=0, message=None, refusals=(), closed=0):
        self.lines, self.code, self.message, self.polls = lines, code, message, 0
        self.refusals, self.sent, self.ids, self.closed = list(refusals), {}, [], closed

    def submit_job(self, entrypoint, runtime_env, submission_id):
        if self.refusals:
            raise RuntimeError(self.refusals.pop(0))
        if submission_id in self.ids:
            raise RuntimeError(f"Job with submission_id {submission_id} already exists.")
        self.sent.update(runtime_env)
        self.ids.append(submission_id)
        self._answer()
        return submission_id

    def _answer(self):
        if self.closed:
            self.closed -= 1
            raise ConnectionError("Remote end closed connection without response")

    def get_job_status(self, job):
        self._answer()
        self.polls += 1
        ended = self.polls > len(self.lines)
        return SimpleNamespace(is_terminal=lambda: ended)

    def get_job_logs(self, job):
        return "".join(f"{line}\n" for line in self.lines[: self.polls])

    def get_job_info(self, job):
        return SimpleNamespace(driver_exit_code=self.code, message=self.message)


JOB = ["python", "-m", "ray_jobs.meta_train", "--source", "kafka"]


@pytest.fixture
def ends(monkeypatch):
    """Sets the job that is submitted next."""
    monkeypatch.setattr(module, "POLL_SECONDS", 0.0)
    return lambda job: monkeypatch.setattr(module, "_client", lambda address, token: job)


def test_the_lines_of_progress_come_while_the_job_runs_each_once(ends):
    report = '{"reason": "base model", "published": 1}'
    ends(EndedJob("meta-train: kafka, 12 sessions", "a library: noise", "meta-train: kafka, step 20 of 40", report))
    shown = []
    result = submit("http://there:1", JOB, {}, show=shown.append)
    assert shown == ["meta-train: kafka, 12 sessions", "meta-train: kafka, step 20 of 40"]
    assert result.published == 1


def test_a_job_that_no_node_takes_is_one_line(ends, monkeypatch):
    monkeypatch.setattr(module, "PENDING_SECONDS", -1.0)

    class Pending:
        def __init__(self, ended):
            self.is_terminal = lambda: ended

        def __str__(self):
            return "PENDING"

    class Job(EndedJob):
        def get_job_status(self, job):
            return Pending(super().get_job_status(job).is_terminal())

        def get_job_logs(self, job):
            if self.polls <= len(self.lines):
                raise RuntimeError("no driver yet")
            return super().get_job_logs(job)

    ends(Job("meta-train: kafka, 12 sessions", "the end"))
    shown = []
    submit("http://there:1", JOB, {}, show=shown.append)
    assert shown == [
        "meta-train: not started yet, the cluster has no room for it",
        "meta-train: kafka, 12 sessions",
    ]


def test_a_failed_job_is_the_sentence_of_its_report(ends):
    ends(EndedJob("failed: no model", '{"outcome": "failed", "reason": "there is no model", "system": "*"}', code=2))
    with pytest.raises(RayError) as raised:
        submit("http://there:1", JOB, {})
    assert str(raised.value) == "the Ray job meta-train failed: there is no model"


def test_a_job_without_a_report_is_its_last_line_or_what_ray_reports(ends):
    ends(EndedJob("Traceback", "KeyError: 'x'", code=1))
    with pytest.raises(RayError, match=r"the Ray job meta-train failed: KeyError: 'x' \(exit code 1\)"):
        submit("http://there:1", JOB, {})
    ends(EndedJob(code=None, message="no node has 64 CPUs"))
    with pytest.raises(RayError, match=r"failed: no node has 64 CPUs \(exit code 1\)"):
        submit("http://there:1", JOB, {})


def test_a_cluster_that_does_not_answer_is_one_sentence():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{probe.getsockname()[1]}"
    with pytest.raises(RayError, match=f"no Ray Jobs API at {address}: start Ray there, or set FUSIONLOG_RAY_ADDRESS"):
        submit(address, ["true"], {})


NO_AGENT = "Request failed with status code 500: No available agent to submit job, please try again later.."


def test_a_job_waits_for_a_ray_that_has_just_started(monkeypatch):
    job = EndedJob(refusals=[NO_AGENT, NO_AGENT])
    monkeypatch.setattr(module, "_client", lambda address, token: job)
    assert submit("http://there:1", ["true"], {}).job == job.ids[0]


def test_a_connection_that_is_closed_is_no_end_and_no_second_job(ends):
    job = EndedJob("one", '{"published": 1}', closed=2)
    ends(job)
    assert submit("http://there:1", JOB, {}).published == 1
    assert len(job.ids) == 1


def test_an_api_that_stays_away_is_one_sentence(ends, monkeypatch):
    monkeypatch.setattr(module, "AWAY_SECONDS", -1.0)
    ends(EndedJob(closed=9))
    with pytest.raises(RayError, match="Ray at http://there:1 stopped answering: Remote end closed"):
        submit("http://there:1", JOB, {})


@pytest.mark.parametrize(("refusal", "seconds"), [(NO_AGENT, 0.0), ("status code 500: no such environment", 60.0)])
def test_a_ray_that_takes_no_job_is_one_sentence(monkeypatch, refusal, seconds):
    monkeypatch.setattr(module, "_client", lambda address, token: EndedJob(refusals=[refusal] * 3))
    monkeypatch.setattr(module, "START_SECONDS", seconds)
    with pytest.raises(RayError, match="Ray at http://there:1 stopped answering"):
        submit("http://there:1", ["true"], {})


def test_the_values_of_secrets_are_not_sent_to_ray(monkeypatch):
    client = EndedJob()
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
