"""The ACLs of each role are what it declares to do with topics and groups, and nothing else."""

from __future__ import annotations

import shlex
from types import MappingProxyType
from typing import get_args

import pytest

from fusionlog.errors import SettingError
from fusionlog.kafka import acls
from fusionlog.kafka.acls import Grant, check_systems, command, grants, kafka_user, principal_of, rows
from fusionlog.topics import CANARY, EVERYONE, PEOPLE, ROLES, Access, Person, Role, Topics, Who

TOPICS = Topics(prefix="f.", raw_prefix="raw.", systems=("shop", "mill", CANARY), repartitioned=("mill",))


def operations(who: Who, topics: Topics = TOPICS, prefixed: bool = False) -> dict[tuple[str, str], set[str]]:
    return {(each.resource, each.name): set(each.operations) for each in grants(topics, who, prefixed)}


def test_every_role_that_is_declared_has_permissions() -> None:
    assert set(get_args(Role)) == set(ROLES) and set(get_args(Person)) == set(PEOPLE)
    assert set(get_args(Who)) == set(EVERYONE)
    for who in EVERYONE:
        assert any(grant.resource == "topic" for grant in grants(TOPICS, who)), who


@pytest.mark.parametrize("who", EVERYONE)
def test_a_role_reads_and_writes_what_it_declares(who: Who) -> None:
    access, found = EVERYONE[who], operations(who)
    reads = {topic.name for topic in TOPICS.of(access.reads)}
    writes = {topic.name for topic in TOPICS.of(access.writes)}
    if who == "shippers":
        writes.discard(TOPICS.canary.name)
    assert {name for (kind, name), each in found.items() if kind == "topic" and "Read" in each} == reads
    assert {name for (_, name), each in found.items() if "Write" in each} == writes
    assert all("Describe" in each for each in found.values())


def test_a_role_that_is_added_or_gets_a_topic_has_its_permissions(monkeypatch: pytest.MonkeyPatch) -> None:
    pager = Access(reads=("anomalies",), writes=("feedback",), member=True)
    monkeypatch.setattr(acls, "EVERYONE", MappingProxyType({"pager": pager}))
    assert operations("pager") == {  # type: ignore[arg-type]
        ("topic", "f.anomalies"): {"Read", "Describe"},
        ("topic", "f.feedback"): {"Write", "Describe"},
        ("group", "f.pager"): {"Read", "Describe"},
    }


def test_the_operators_commands_alone_create_topics_and_every_one_of_them() -> None:
    created = {who: {name for (_, name), each in operations(who).items() if "Create" in each} for who in EVERYONE}
    assert created.pop("cli") == {topic.name for topic in TOPICS.all()}
    assert not any(created.values())


def test_settings_are_shown_to_roles_that_check_them_and_those_of_raw_topics_to_nobody() -> None:
    for who in EVERYONE:
        shown = {name for (_, name), each in operations(who).items() if "DescribeConfigs" in each}
        assert not any(name.startswith("raw.") for name in shown) or who == "canary"
        assert bool(shown) == (who in ROLES)


def test_a_worker_is_a_member_of_its_group_and_keeps_notes_on_crashes() -> None:
    groups = {name: each for (kind, name), each in operations("score").items() if kind == "group"}
    assert groups == {"f.score": {"Read", "Describe"}, "f.score.crashes": {"Read", "Describe"}}
    assert not [name for kind, name in operations("ray") if kind == "group"]


def test_the_canary_sees_the_groups_on_the_way_of_its_lines_and_joins_none() -> None:
    found = operations("canary")
    assert {name for kind, name in found if kind == "group"} == {"f.ingest", "f.score", "f.label"}
    assert all(found["group", name] == {"Describe"} for name in ("f.ingest", "f.score", "f.label"))
    assert found["topic", "f.windows.general"] == {"Describe"}


def test_names_are_literal_but_for_the_groups_of_people_and_keyed_topics_that_nothing_reads() -> None:
    prefixed = {who: [each for each in grants(TOPICS, who) if each.pattern == "prefixed"] for who in EVERYONE}
    left_behind = Grant("topic", "f.keyed.", ("Describe",), "prefixed")
    assert prefixed["ingest"] == prefixed["cli"] == [left_behind]
    assert prefixed["users"] == [Grant("group", "f.users", ("Read", "Describe"), "prefixed")]
    assert prefixed["score"] == prefixed["shippers"] == []


def test_a_prefix_stands_for_the_topics_of_all_systems() -> None:
    topics = Topics(prefix="f.", raw_prefix="raw.")
    found = grants(topics, "ingest", prefixed=True)
    assert Grant("topic", "raw.", ("Read", "Describe"), "prefixed") in found
    assert Grant("topic", "f.keyed.", ("Read", "Write", "Describe", "DescribeConfigs"), "prefixed") in found
    assert ("topic", "raw.") not in operations("canary", topics, prefixed=True)


def test_a_prefix_that_covers_other_topics_is_refused() -> None:
    for raw in ("f.", "f", ""):
        with pytest.raises(SettingError, match=r"f\.\S+ begins with it"):
            check_systems(Topics(prefix="f.", raw_prefix=raw, systems=("shop",)), "shippers", prefixed=True)
    check_systems(TOPICS, "shippers", prefixed=True)
    check_systems(Topics(prefix="f.", raw_prefix=""), "score", prefixed=True)


def test_without_a_system_the_roles_that_read_or_write_lines_name_the_setting() -> None:
    for who in EVERYONE:
        if who in ("ingest", "cli", "shippers"):
            with pytest.raises(SettingError, match=r"FUSIONLOG_SYSTEMS_FILE.*--prefixed"):
                check_systems(Topics(), who, prefixed=False)
        else:
            check_systems(Topics(), who, prefixed=False)


def test_a_line_of_kafkas_tool_has_the_principal_as_one_word() -> None:
    grant = Grant("group", "f.users", ("Read", "Describe"), "prefixed")
    words = shlex.split(command(grant, "User:CN=siem,O=An Org", "one:9092,two:9092"))
    assert words == [
        "kafka-acls.sh", "--bootstrap-server", "one:9092,two:9092", "--command-config", "admin.properties", "--add",
        "--allow-principal", "User:CN=siem,O=An Org", "--operation", "Read", "--operation", "Describe",
        "--group", "f.users", "--resource-pattern-type", "prefixed",
    ]  # fmt: skip


def test_a_row_is_one_operation() -> None:
    found = rows(grants(TOPICS, "users"), principal_of("users"))
    assert found[0] == {
        "principal": "User:fusionlog-users", "resource": "topic", "name": "f.anomalies", "pattern": "literal",
        "operation": "Read", "host": "*",
    }  # fmt: skip
    assert len(found) == sum(len(grant.operations) for grant in grants(TOPICS, "users"))


def test_a_user_of_strimzi_has_the_words_of_its_resource() -> None:
    user = kafka_user([Grant("group", "f.users", ("Read",), "prefixed")], "siem", "main")
    assert user["apiVersion"] == "kafka.strimzi.io/v1" and user["kind"] == "KafkaUser"
    assert user["metadata"] == {"name": "siem", "labels": {"strimzi.io/cluster": "main"}}
    rule = {
        "type": "allow", "resource": {"type": "group", "name": "f.users", "patternType": "prefix"},
        "operations": ["Read"], "host": "*",
    }  # fmt: skip
    assert user["spec"] == {"authorization": {"type": "simple", "acls": [rule]}}
    assert "labels" not in kafka_user([], "siem", None)["metadata"]
