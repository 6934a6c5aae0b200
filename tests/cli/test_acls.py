"""`fusionlog acls`: the same permissions as lines of Kafka's tool, as resources of Strimzi, and as JSON."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner, Result

from fusionlog.cli.main import app
from fusionlog.errors import SettingError
from fusionlog.kafka.acls import grants, rows
from fusionlog.topics import EVERYONE, Topics, Who

TOPICS = Topics(prefix="here.", raw_prefix="raw.", systems=("shop",))
SCHEMA_OPERATIONS = {"Read", "Write", "Create", "Describe", "DescribeConfigs"}
"""Of those that the schema of Strimzi's KafkaUser lists."""


@pytest.fixture(autouse=True)
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "systems.yaml").write_text("shop: {window: {by: count}}\n")
    monkeypatch.setenv("FUSIONLOG_SYSTEMS_FILE", str(tmp_path / "systems.yaml"))
    monkeypatch.setenv("FUSIONLOG_TOPIC_PREFIX", "here.")
    monkeypatch.setenv("FUSIONLOG_RAW_PREFIX", "raw.")
    monkeypatch.setenv("FUSIONLOG_KAFKA__BOOTSTRAP_SERVERS", "one:9092")


def run(*words: str) -> Result:
    return CliRunner().invoke(app, ["acls", *words])


def of_lines(text: str) -> Iterator[tuple[str, str, str, str, str]]:
    """Principal, resource, name, pattern, operation of each operation in lines of Kafka's tool."""
    for line in text.splitlines():
        if line.startswith("#"):
            continue
        words = shlex.split(line)
        assert words[:3] == ["kafka-acls.sh", "--bootstrap-server", "one:9092"]
        options = list(pairwise(words))
        [(kind, name)] = [(flag.strip("-"), value) for flag, value in options if flag in ("--topic", "--group")]
        [principal] = [value for flag, value in options if flag == "--allow-principal"]
        pattern = "prefixed" if "prefixed" in words else "literal"
        for flag, value in options:
            if flag == "--operation":
                yield principal, kind, name, pattern, value


def of_resources(text: str) -> Iterator[tuple[str, str, str, str, str]]:
    for tree in yaml.safe_load_all(text):
        assert (tree["apiVersion"], tree["kind"]) == ("kafka.strimzi.io/v1", "KafkaUser")
        assert tree["spec"]["authorization"]["type"] == "simple"
        for rule in tree["spec"]["authorization"]["acls"]:
            resource, pattern = rule["resource"], rule["resource"]["patternType"]
            assert (rule["type"], rule["host"]) == ("allow", "*") and set(rule["operations"]) <= SCHEMA_OPERATIONS
            for operation in rule["operations"]:
                kind = {"literal": "literal", "prefix": "prefixed"}[pattern]
                yield f"User:{tree['metadata']['name']}", resource["type"], resource["name"], kind, operation


@pytest.mark.parametrize("who", EVERYONE)
def test_each_format_has_the_same_permissions(who: Who) -> None:
    found = json.loads(run("--role", who, "--format", "json").stdout)
    assert found == rows(grants(TOPICS, who), f"User:fusionlog-{who}")
    wanted = [tuple(row.values())[:5] for row in found]
    assert list(of_lines(run("--role", who).stdout)) == wanted
    assert list(of_resources(run("--role", who, "--format", "strimzi").stdout)) == wanted


def test_without_a_role_every_one_has_a_principal_of_its_own() -> None:
    found = json.loads(run("--format", "json").stdout)
    assert {row["principal"] for row in found} == {f"User:fusionlog-{who}" for who in EVERYONE}


def test_a_principal_is_that_of_one_role_and_has_a_type() -> None:
    for given in ("siem", "User:siem"):
        found = json.loads(run("--role", "users", "--principal", given, "--format", "json").stdout)
        assert {row["principal"] for row in found} == {"User:siem"}
    for wrong in (["--principal", "siem"], ["--role", "users", "--principal", "User: "]):
        failed = run(*wrong)
        assert isinstance(failed.exception, SettingError) and "--principal" in str(failed.exception)


def test_a_user_of_strimzi_has_the_name_of_its_resource_and_the_label_of_its_cluster() -> None:
    words = ("--role", "users", "--format", "strimzi", "--principal")
    tree = yaml.safe_load(run(*words, "User:CN=siem", "--cluster", "main").stdout)
    assert tree["metadata"] == {"name": "siem", "labels": {"strimzi.io/cluster": "main"}}
    assert isinstance(run(*words, "User:CN=Siem,O=Org").exception, SettingError)


def test_an_unknown_role_names_those_there_are() -> None:
    failed = run("--role", "admin")
    assert failed.exit_code == 2 and all(f"'{who}'" in failed.output for who in EVERYONE)
