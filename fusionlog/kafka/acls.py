"""The ACLs of each role: what it may do in Kafka, and no more; derived from `topics.EVERYONE`."""

from __future__ import annotations

import shlex
from collections import defaultdict
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

from fusionlog.errors import SettingError
from fusionlog.topics import CANARY, EVERYONE, ROLES, Access, TopicId, Topics, Who

Operation = Literal["Read", "Write", "Create", "Describe", "DescribeConfigs"]
Resource = Literal["topic", "group"]
Pattern = Literal["literal", "prefixed"]
OPERATIONS: tuple[Operation, ...] = get_args(Operation)
PER_SYSTEM: tuple[TopicId, ...] = ("raw", "keyed")
CREATED: tuple[TopicId, ...] = tuple(id for id in get_args(TopicId) if id != "canary")
"""The topics that `fusionlog topics create` makes; the canary's is one of the raw ones."""
ANY_HOST = "*"


@dataclass(frozen=True)
class Grant:
    """Operations on a topic or a consumer group, or on all whose names begin so (`prefixed`)."""

    resource: Resource
    name: str
    operations: tuple[Operation, ...]
    pattern: Pattern = "literal"

    def __str__(self) -> str:
        return f"{', '.join(self.operations)} on {self.resource} {self.name}"

    def only(self, operations: Container[Operation]) -> Grant:
        """The grant without its other operations."""
        return replace(self, operations=tuple(each for each in self.operations if each in operations))


def grants(topics: Topics, who: Who, prefixed: bool = False) -> list[Grant]:
    """The grants of a role, or of a group of people; no operation on the cluster is among them.

    :param prefixed: raw and keyed topics by their prefix, those of systems to come included.
    """
    access = EVERYONE[who]
    if who not in ROLES:
        topics = replace(topics, systems=tuple(each for each in topics.systems if each != CANARY))
    found: defaultdict[tuple[Resource, str, Pattern], set[Operation]] = defaultdict(set)
    for id, operations in _of_topics(access, who in ROLES):
        for name, pattern in _names(topics, id, prefixed):
            found["topic", name, pattern] |= operations
    if "keyed" in access.reads or access.creates:
        # A topic that nothing reads any more, since its system has no `repartition: true`, is seen and named.
        found["topic", _prefix(topics, "keyed"), "prefixed"].add("Describe")
    for name, pattern, operations in _of_groups(topics, who, access):
        found["group", name, pattern] |= operations
    return [Grant(resource, name, _ordered(each), pattern) for (resource, name, pattern), each in found.items()]


def principal_of(who: Who) -> str:
    """The principal that a role has where none is named."""
    return f"User:fusionlog-{who}"


def command(grant: Grant, principal: str, servers: str) -> str:
    """The line of Kafka's own tool that adds a grant. `admin.properties` has the login of an administrator."""
    pattern = [] if grant.pattern == "literal" else ["--resource-pattern-type", grant.pattern]
    return shlex.join([
        "kafka-acls.sh", "--bootstrap-server", servers, "--command-config", "admin.properties", "--add",
        "--allow-principal", principal, *(word for each in grant.operations for word in ("--operation", each)),
        f"--{grant.resource}", grant.name, *pattern,
    ])  # fmt: skip


def rows(found: Sequence[Grant], principal: str) -> list[dict[str, str]]:
    """The grants as one object an operation."""
    return [
        {"principal": principal, "resource": grant.resource, "name": grant.name, "pattern": grant.pattern,
         "operation": operation, "host": ANY_HOST}
        for grant in found for operation in grant.operations
    ]  # fmt: skip


def kafka_user(found: Sequence[Grant], name: str, cluster: str | None) -> Mapping[str, Any]:
    """Strimzi's resource of a user with these grants and no others.

    :param cluster: the name of the `Kafka` resource; without it the label that binds the user to one is left out.
    """
    labels = {"labels": {"strimzi.io/cluster": cluster}} if cluster else {}
    return {
        "apiVersion": "kafka.strimzi.io/v1",
        "kind": "KafkaUser",
        "metadata": {"name": name, **labels},
        "spec": {"authorization": {"type": "simple", "acls": [_rule(grant) for grant in found]}},
    }


def _rule(grant: Grant) -> Mapping[str, Any]:
    pattern = "prefix" if grant.pattern == "prefixed" else "literal"
    return {
        "type": "allow",
        "resource": {"type": grant.resource, "name": grant.name, "patternType": pattern},
        "operations": list(grant.operations),
        "host": ANY_HOST,
    }


def _of_topics(access: Access, checks: bool) -> Iterator[tuple[TopicId, set[Operation]]]:
    """The operations on topics, by their ids.

    :param checks: whether settings are compared with the declared ones; those of raw topics are the shippers'.
    """
    for id in access.reads:
        yield id, _seen("Read", checked=checks and id != "raw")
    for id in access.writes:
        yield id, _seen("Write", checked=checks and id != "raw")
    for id in access.describes:
        yield id, _seen()
    for id in CREATED if access.creates else ():
        yield id, _seen("Create", checked=id != "raw")


def _seen(*operations: Operation, checked: bool = False) -> set[Operation]:
    """Operations on a topic that is seen, too; `checked`: and its settings."""
    configs: tuple[Operation, ...] = ("DescribeConfigs",) if checked else ()
    return {*operations, "Describe", *configs}


def _of_groups(topics: Topics, who: Who, access: Access) -> Iterator[tuple[str, Pattern, set[Operation]]]:
    """The operations on consumer groups: those of a role are its own, and that of its notes on crashes."""
    group = topics.group(who)
    if access.member and who in ROLES:
        yield group, "literal", {"Read", "Describe"}
        yield f"{group}.crashes", "literal", {"Read", "Describe"}
    elif access.member:
        yield group, "prefixed", {"Read", "Describe"}
    for watched in access.watches:
        yield topics.group(watched), "literal", {"Describe"}


def _names(topics: Topics, id: TopicId, prefixed: bool) -> list[tuple[str, Pattern]]:
    if prefixed and id in PER_SYSTEM:
        return [(_prefix(topics, id), "prefixed")]
    return [(topic.name, "literal") for topic in topics.of((id,))]


def _prefix(topics: Topics, id: TopicId) -> str:
    """What the topics of all systems begin with."""
    return topics.raw_prefix if id == "raw" else topics.keyed("").name


def _ordered(operations: set[Operation]) -> tuple[Operation, ...]:
    return tuple(each for each in OPERATIONS if each in operations)


def check_systems(topics: Topics, who: Who, prefixed: bool) -> None:
    """Check that the topics of systems have names, or that their prefix covers no others, where a role uses them.

    :raises SettingError: there is no system, or the prefix covers topics of another kind.
    """
    access = EVERYONE[who]
    if any(each in PER_SYSTEM for each in (*access.reads, *access.writes)):
        (_refuse_prefix if prefixed else _refuse_no_system)(topics)


def _refuse_no_system(topics: Topics) -> None:
    if not topics.systems:
        raise SettingError(
            "FUSIONLOG_SYSTEMS_FILE", None, "name the YAML file of the systems, whose topics get ACLs by name; or use "
            "--prefixed, for all topics that begin with FUSIONLOG_RAW_PREFIX",
        )  # fmt: skip


def _refuse_prefix(topics: Topics) -> None:
    others = [*(topic.name for topic in topics.own()), _prefix(topics, "keyed")]
    covered = [name for name in others if name.startswith(topics.raw_prefix)]
    if covered:
        raise SettingError(
            "FUSIONLOG_RAW_PREFIX", topics.raw_prefix,
            f"{covered[0]} begins with it, too, so --prefixed would grant more than raw topics: leave --prefixed out",
        )  # fmt: skip
