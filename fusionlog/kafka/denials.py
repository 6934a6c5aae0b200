"""Permissions that Kafka's authorizer does not give this client, each as a sentence with the command that grants it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from aiokafka.errors import GroupAuthorizationFailedError, KafkaError, TopicAuthorizationFailedError

from fusionlog.kafka.acls import Grant, Operation, Resource, command
from fusionlog.settings import KafkaSettings

DENIED = (TopicAuthorizationFailedError, GroupAuthorizationFailedError)
UNKNOWN_PRINCIPAL = "User:NAME"
"""Stands for the name that Kafka has for a client which shows no user name: that of its certificate, or its token."""


def denial(missing: Sequence[Grant], kafka: KafkaSettings, role: str | None = None) -> str:
    """The first of some grants that this client lacks, with the command that adds it, and how many more there are."""
    first, *others = missing
    more = f"; {len(others)} more are missing, too" if others else ""
    every = f"fusionlog acls --role {role or 'ROLE'}"
    noun = "permission" if len(first.operations) == 1 else "permissions"
    return (
        f"{client_name(kafka)} lacks the {noun} {first}{more}: add it with  "
        f"{command(first, principal(kafka), kafka.bootstrap_servers)}  ({every} prints all that a role needs)"
    )


def denied(error: BaseException, kafka: KafkaSettings, operation: Operation) -> str | None:
    """Such a sentence for an error of the authorizer; None for other errors, and for one that names nothing.

    :param operation: on topics, of what the client was doing; a member of a group reads it.
    """
    if not isinstance(error, DENIED):
        return None
    resource: Resource = "topic" if isinstance(error, TopicAuthorizationFailedError) else "group"
    wanted: Operation = operation if resource == "topic" else "Read"
    found = [Grant(resource, name, (wanted,)) for name in _named(error)]
    return denial(found, kafka) if found else None


def principal(kafka: KafkaSettings) -> str:
    """What Kafka calls this client, as far as the settings show it."""
    if "SASL" in kafka.security_protocol and kafka.sasl_username:
        return f"User:{kafka.sasl_username}"
    return UNKNOWN_PRINCIPAL


def client_name(kafka: KafkaSettings) -> str:
    """The client in a sentence."""
    named = "SASL" in kafka.security_protocol and kafka.sasl_username
    return f"user {kafka.sasl_username!r}" if named else "this client"


def _named(error: KafkaError) -> list[str]:
    """The topics, or the group, of an error: aiokafka gives a name, a set of them, or a sentence that ends in one."""
    if not error.args:
        return []
    names = error.args[0]
    if not isinstance(names, str):
        return sorted(str(name) for name in names)
    return re.findall(r"\S+$", names)
