"""What each role, and each group of people, does with topics and consumer groups."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, NamedTuple

Role = Literal["ingest", "score", "label", "explain", "incidents", "notify", "canary", "train", "ray", "cli"]
Person = Literal["shippers", "users", "operators"]
Who = Literal[Role, Person]
"""A role, or a group of people and programs outside of FusionLog."""
TopicId = Literal[
    "raw",
    "canary",
    "keyed",
    "general",
    "proprietary",
    "labels",
    "models",
    "templates",
    "feedback",
    "anomalies",
    "explanations",
    "incidents",
    "notifications",
    "spend",
    "workers",
    "training",
    "deadletter",
]
"""The name of a topic's property in `Topics`."""


class Access(NamedTuple):
    """What a role, or a group of people, does with topics and consumer groups.

    :param reads: the topics whose records it reads.
    :param writes: the topics that it writes records to.
    :param describes: those of which it reads the offsets and no record.
    :param member: whether it is a member of the consumer group of its name.
    :param watches: the roles whose groups' offsets it reads.
    :param creates: whether it creates topics, and checks all of them.
    """

    reads: tuple[TopicId, ...]
    writes: tuple[TopicId, ...]
    describes: tuple[TopicId, ...] = ()
    member: bool = False
    watches: tuple[Role, ...] = ()
    creates: bool = False


ROLES: Mapping[Role, Access] = MappingProxyType({
    "ingest": Access(
        # The window topics to resume: it leaves out the lines of windows that it, or another one, had emitted.
        reads=("raw", "keyed", "models", "labels", "feedback", "templates", "general", "proprietary"),
        writes=("keyed", "general", "proprietary", "templates", "deadletter", "workers"),
        member=True,
    ),
    # A window for a second opinion goes to the teacher, and comes back where there is no answer. A release that is bad
    # on the stream is written again, as withdrawn.
    "score": Access(
        reads=("general", "models", "labels", "feedback"),
        writes=("anomalies", "proprietary", "models", "deadletter", "workers"),
        member=True,
    ),
    "label": Access(
        # A window with a provisional verdict goes back to the end of its topic.
        reads=("proprietary", "models", "labels", "feedback", "spend"),
        writes=("labels", "anomalies", "general", "proprietary", "spend", "deadletter", "workers"),
        member=True,
    ),
    "explain": Access(
        # An incident is explained once: which one an anomaly is in stands in the incidents.
        reads=("anomalies", "explanations", "incidents", "spend"),
        writes=("explanations", "spend", "deadletter", "workers"),
        member=True,
    ),
    "incidents": Access(
        reads=("anomalies", "explanations", "incidents"),
        writes=("incidents", "deadletter", "workers"),
        member=True,
    ),
    # What a target was notified of stands in the notifications.
    "notify": Access(
        reads=("incidents", "notifications"), writes=("notifications", "deadletter", "workers"), member=True
    ),
    # Its lines come out as anomalies. Where they are stuck, the offsets of the groups on their way show.
    "canary": Access(
        reads=("models", "anomalies"), writes=("canary", "workers"), describes=("general", "proprietary"),
        watches=("ingest", "score", "label"),
    ),
    # Of the windows it reads a sample: their shares by route.
    "train": Access(
        reads=("training", "labels", "feedback", "general", "proprietary"),
        writes=("training", "deadletter", "workers"),
        member=True,
    ),
    "ray": Access(reads=("models", "labels", "feedback", "general", "proprietary"), writes=("models",)),
    # `fusionlog labels revoke` and `restore` write labels, `feedback` a verdict on an anomaly, `train` what is
    # requested of trainings; `fusionlog deadletter replay` writes what workers refused to its topic again, and a note
    # that it did. `systems check --topic` reads lines, `teacher show --topic` windows.
    "cli": Access(
        reads=("raw", "models", "anomalies", "explanations", "incidents", "labels", "spend", "training", "deadletter",
               "proprietary", "feedback", "workers"),
        writes=("models", "deadletter", "raw", "general", "proprietary", "labels", "anomalies", "templates",
                "explanations", "incidents", "feedback", "training"),
        creates=True,
    ),
})  # fmt: skip
"""What each role reads and writes. A producer refuses a topic that its role does not write; a test on Apache Kafka
compares the rest with what running workers subscribe to, are assigned and send. Its ACLs
follow from this, and from nothing else (`fusionlog/kafka/acls.py`)."""
PEOPLE: Mapping[Person, Access] = MappingProxyType({
    "shippers": Access(reads=(), writes=("raw",)),
    "users": Access(reads=("anomalies", "explanations", "incidents"), writes=(), member=True),
    "operators": Access(reads=("deadletter",), writes=("feedback",), member=True),
})  # fmt: skip
"""Readers and writers outside of FusionLog."""
EVERYONE: Mapping[Who, Access] = MappingProxyType(dict[Who, Access]((*ROLES.items(), *PEOPLE.items())))


def writers_of(topic: TopicId) -> tuple[str, ...]:
    """The roles, and the people, that write a topic."""
    return tuple(name for name, access in EVERYONE.items() if topic in access.writes)


def readers_of(topic: TopicId) -> tuple[str, ...]:
    """The roles, and the people, that read a topic."""
    return tuple(name for name, access in EVERYONE.items() if topic in access.reads)
