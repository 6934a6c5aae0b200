"""`fusionlog topics`: what is missing is created once, a fault is a nonzero exit, the documents are written."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from fusionlog.cli.main import app
from fusionlog.cli.topics import documents
from fusionlog.errors import BrokerError, WriteError
from fusionlog.settings import Settings
from fusionlog.topics import Topics
from tests.brokers import free_ports


def run(*words: str, **env: str) -> Result:
    return CliRunner(env=env).invoke(app, ["topics", *words])


@pytest.mark.kafka
def test_missing_topics_are_faults_until_they_are_created_and_are_created_once(kafka_settings: Settings) -> None:
    env = {
        "FUSIONLOG_KAFKA__BOOTSTRAP_SERVERS": kafka_settings.kafka.bootstrap_servers,
        "FUSIONLOG_TOPIC_PREFIX": kafka_settings.topic_prefix,
        "FUSIONLOG_RAW_PREFIX": kafka_settings.raw_prefix,
    }
    names = [topic.name for topic in kafka_settings.topics.all()]
    before = run("check", **env)
    assert before.exit_code == 1
    assert all(f"topic {name} does not exist" in before.stderr for name in names)
    made = run("create", **env)
    assert made.exit_code == 0, made.output
    assert made.stdout == f"created {', '.join(names)}\n"
    assert run("create", **env).stdout == "every topic was there already\n"
    after = run("check", **env)
    assert (after.exit_code, after.output) == (0, "every topic is as it should be\n")
    of_role = run("check", "--role", "score", **env)
    assert (of_role.exit_code, of_role.output) == (0, "every topic of score is as it should be\n")


@pytest.mark.parametrize("command", ["create", "check"])
def test_a_kafka_that_does_not_answer_is_our_error(command: str) -> None:
    address = f"127.0.0.1:{free_ports(1)[0]}"
    failed = run(command, FUSIONLOG_KAFKA__BOOTSTRAP_SERVERS=address)
    assert isinstance(failed.exception, BrokerError)
    assert address in str(failed.exception)


def test_every_topic_is_a_row_with_its_record_under_the_prefix_of_the_environment() -> None:
    rows = run("describe", FUSIONLOG_TOPIC_PREFIX="here.").stdout.splitlines()
    for topic in Topics(prefix="here.").own():
        [row] = [row for row in rows if f" {topic.name} " in row]
        assert (topic.record.__name__ if topic.record else "bytes") in row
        assert all(role in row for role in (*topic.written_by, *topic.read_by))


def test_the_documents_are_written_below_a_directory_that_is_made(tmp_path: Path) -> None:
    done = run("describe", "--out", str(tmp_path / "new" / "docs"), FUSIONLOG_TOPIC_PREFIX="here.")
    assert done.exit_code == 0, done.output
    found = {
        path.relative_to(tmp_path / "new" / "docs").as_posix(): path.read_text(encoding="utf-8")
        for path in (tmp_path / "new").rglob("*.*")
    }
    assert found == documents(Topics(prefix="here."))


def test_a_directory_that_cannot_be_made_is_our_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    failed = run("describe", "--out", str(tmp_path / "file"))
    assert isinstance(failed.exception, WriteError)
    assert str(tmp_path / "file") in str(failed.exception)
