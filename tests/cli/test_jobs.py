"""`fusionlog meta-train` and `fusionlog distill`: what is submitted, and what becomes of the job's end."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from fusionlog.cli.main import app
from fusionlog.errors import RayError, SettingError
from ray_jobs import cluster
from ray_jobs.submit import JobResult
from tests.brokers import free_ports

ADDRESS = "http://there:1"


class Submissions:
    """A cluster that notes the jobs and ends each with a code."""

    def __init__(self) -> None:
        self.code, self.report = 0, {"reason": "as it should be"}
        self.commands: list[list[str]] = []
        self.progress: list[str] = []
        self.env: Mapping[str, str] = {}
        self.tokens: list[str | None] = []

    def submit(
        self, address: str, command: Sequence[str], env: Mapping[str, str], timeout: float, token: str | None,
        show: Callable[[str], None],
    ) -> JobResult:  # fmt: skip
        assert address == ADDRESS
        self.commands.append(list(command))
        self.tokens.append(token)
        self.env = env
        for line in self.progress:
            show(line)
        return JobResult("job-1", self.code, self.report, [])


@pytest.fixture
def submitted(monkeypatch: pytest.MonkeyPatch) -> Submissions:
    submissions = Submissions()
    monkeypatch.setattr(cluster, "submit", submissions.submit)
    return submissions


def run(*words: str, address: str = ADDRESS, **env: str) -> Result:
    return CliRunner(env={"FUSIONLOG_RAY_ADDRESS": address, **env}).invoke(app, words)


def test_the_options_of_a_command_are_those_of_its_job(submitted: Submissions) -> None:
    run("meta-train", "--source", "kafka")
    run("meta-train", "--data", "here", "--source", "mill", "--source", "farm")
    run("distill", "--system", "shop")
    run("distill", "--system", "shop", "--data", "here", "--source", "mill")
    run("distill", "--system", "shop", "--system", "yard", "--sources", "s3://b/x", "--sources", "kafka:mill=l.csv")
    sources = ["--sources", "here", "--source", "mill"]
    assert submitted.commands == [
        ["python", "-m", "ray_jobs.meta_train", "--source", "kafka"],
        ["python", "-m", "ray_jobs.meta_train", *sources, "--source", "farm"],
        ["python", "-m", "ray_jobs.distill", "--system", "shop"],
        ["python", "-m", "ray_jobs.distill", "--system", "shop", *sources],
        ["python", "-m", "ray_jobs.distill", "--system", "shop", "--system", "yard",
         "--sources", "s3://b/x", "--sources", "kafka:mill=l.csv"],
    ]  # fmt: skip


def test_a_job_gets_the_settings_of_this_environment_and_nothing_else_of_it(submitted: Submissions) -> None:
    run("distill", "--system", "shop", FUSIONLOG_TOPIC_PREFIX="p.", OTHER_SECRET="hush")
    assert submitted.env["FUSIONLOG_TOPIC_PREFIX"] == "p."
    assert all(name.startswith("FUSIONLOG_") for name in submitted.env)


def test_secrets_go_by_reference(submitted: Submissions) -> None:
    run("distill", "--system", "shop", FUSIONLOG_KAFKA__SASL_PASSWORD="hush", FUSIONLOG_SECRETS_DIR="")
    assert submitted.env["FUSIONLOG_NODE_SECRETS"] == "FUSIONLOG_KAFKA__SASL_PASSWORD"
    assert "hush" not in str(submitted.env)


def test_the_token_of_a_cluster_is_a_setting_or_rays_own_variable(submitted: Submissions) -> None:
    run("distill", "--system", "shop", RAY_AUTH_TOKEN="of Ray")
    run("distill", "--system", "shop", RAY_AUTH_TOKEN="of Ray", FUSIONLOG_RAY_TOKEN="of ours")
    assert submitted.tokens == ["of Ray", "of ours"]


@pytest.mark.parametrize("code", [0, 3, 4, 5])
def test_the_end_of_a_job_is_the_end_of_the_command(submitted: Submissions, code: int) -> None:
    submitted.code = code
    done = run("distill", "--system", "shop")
    assert (done.exit_code, done.stdout) == (code, "as it should be\n")


def test_a_job_without_a_report_is_printed_by_its_name(submitted: Submissions) -> None:
    submitted.report = {}
    assert run("distill", "--system", "shop").stdout == "job-1\n"


def test_a_ray_that_does_not_answer_is_our_error() -> None:
    address = f"http://127.0.0.1:{free_ports(1)[0]}"
    failed = run("distill", "--system", "shop", address=address)
    assert isinstance(failed.exception, RayError)
    assert address in str(failed.exception)


def test_an_unknown_system_is_refused_before_a_ray_starts(submitted: Submissions, tmp_path: Path) -> None:
    path = tmp_path / "systems.yaml"
    path.write_text("openstack:\n")
    failed = run("distill", "--system", "opnstack", FUSIONLOG_SYSTEMS_FILE=str(path))
    assert isinstance(failed.exception, SettingError) and "did you mean openstack?" in str(failed.exception)
    assert submitted.commands == []


@pytest.mark.parametrize("words", [("meta-train",), ("distill", "--system", "shop")])
def test_an_unknown_bundled_source_is_refused_before_a_ray_starts(
    submitted: Submissions, words: tuple[str, ...]
) -> None:
    failed = run(*words, "--source", "postgres")
    assert isinstance(failed.exception, SettingError) and "did you mean postgresql?" in str(failed.exception)
    assert submitted.commands == []


def test_a_base_needs_a_source_before_a_ray_starts(submitted: Submissions) -> None:
    failed = run("meta-train")
    assert isinstance(failed.exception, SettingError) and "at least one labelled system" in str(failed.exception)
    run("meta-train", "--sources", "s3://bucket/labelled")
    assert submitted.commands == [["python", "-m", "ray_jobs.meta_train", "--sources", "s3://bucket/labelled"]]


@pytest.mark.parametrize(
    "place", ["s3://key:hush@bucket/x", "https://host/x?sig=hush", "kafka:shop=s3://k:hush@b/l.csv"]
)
def test_a_login_gets_into_no_command_of_a_job(submitted: Submissions, place: str) -> None:
    failed = run("distill", "--system", "shop", "--sources", place)
    assert isinstance(failed.exception, SettingError) and "hush" not in str(failed.exception)
    assert submitted.commands == []


def test_progress_is_shown_beside_the_outcome(submitted: Submissions) -> None:
    submitted.progress = ["distill: shop, step 200 of 300", "distill: \x1b[31mred"]
    done = run("distill", "--system", "shop")
    assert done.stdout == "as it should be\n"
    assert done.stderr.splitlines() == ["distill: shop, step 200 of 300", "distill: ?[31mred"]
