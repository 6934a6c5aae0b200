"""`fusionlog acls`: the permissions in Kafka that each role needs, for Kafka's own tool, for Strimzi, or as JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Annotated, Literal, NamedTuple

import typer

from fusionlog import settings
from fusionlog.errors import SettingError
from fusionlog.kafka.acls import Grant, check_systems, command, grants, kafka_user, principal_of, rows
from fusionlog.settings import Settings
from fusionlog.topics import EVERYONE, Who

Format = Literal["kafka", "strimzi", "json"]
KUBERNETES_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")


class User(NamedTuple):
    """A role, its principal, and what it may do."""

    role: Who
    principal: str
    grants: Sequence[Grant]


def acls(
    role: Annotated[Who | None, typer.Option(help="only of this role; default: of each one")] = None,
    format: Annotated[
        Format,
        typer.Option(help="kafka: lines of kafka-acls.sh; strimzi: KafkaUser resources; json: a list of ACLs"),
    ] = "kafka",
    principal: Annotated[
        str | None,
        typer.Option(help="Kafka's name of the role's login, as User:score or score; default: User:fusionlog-ROLE"),
    ] = None,
    prefixed: Annotated[
        bool, typer.Option("--prefixed", help="the topics of systems by their prefix: those of later systems, too")
    ] = False,
    cluster: Annotated[
        str | None, typer.Option(help="of strimzi: the name of the Kafka resource, for the label that a user needs")
    ] = None,
) -> None:
    """Print the least permissions in Kafka of each role: the topics and groups that it uses, and no others.

    A worker needs those of its role; Ray jobs those of ray, commands of operators those of cli. Kafka is not asked.
    """
    config = settings.load()
    if principal is not None and role is None:
        raise SettingError("--principal", principal, "name its role with --role: each role has a login of its own")
    names = [role] if role is not None else list(EVERYONE)
    users = [_user(config, name, principal, prefixed) for name in names]
    write = _WRITERS[format]
    typer.echo("\n".join(write(users, config.kafka.bootstrap_servers, cluster)))


def _user(config: Settings, role: Who, principal: str | None, prefixed: bool) -> User:
    check_systems(config.topics, role, prefixed)
    name = principal_of(role) if principal is None else _principal(principal)
    return User(role, name, grants(config.topics, role, prefixed))


def _principal(given: str) -> str:
    """A principal with its type.

    :raises SettingError: it has no name.
    """
    kind, colon, name = given.partition(":")
    if not colon:
        kind, name = "User", given
    if not name.strip() or not kind.isalnum():
        raise SettingError("--principal", given, "write it as User:NAME, with the name that Kafka has for the login")
    return f"{kind}:{name}"


def _kafka(users: Iterable[User], servers: str, cluster: str | None) -> Iterable[str]:
    for user in users:
        yield f"# {user.role}"
        yield from (command(grant, user.principal, servers) for grant in user.grants)


def _strimzi(users: Iterable[User], servers: str, cluster: str | None) -> Iterable[str]:
    import yaml

    if cluster is None:
        yield "# --cluster NAME adds the label strimzi.io/cluster, without which Strimzi leaves the users alone."
    for user in users:
        yield f"--- # {user.role}: add spec.authentication as your listener has it"
        tree = kafka_user(user.grants, _resource_name(user.principal), cluster)
        yield yaml.safe_dump(tree, sort_keys=False, width=1000).rstrip()


def _json(users: Iterable[User], servers: str, cluster: str | None) -> Iterable[str]:
    found = [row for user in users for row in rows(user.grants, user.principal)]
    yield json.dumps(found, indent=2, ensure_ascii=False)


def _resource_name(principal: str) -> str:
    """The name of the resource whose user Kafka calls so.

    :raises SettingError: Kubernetes has no such names, so Strimzi makes no such user.
    """
    name = principal.removeprefix("User:").removeprefix("CN=")
    if not KUBERNETES_NAME.fullmatch(name):
        raise SettingError(
            "--principal", principal, "a KafkaUser has the name of its resource: lower case letters, digits, - and ."
        )
    return name


_WRITERS: dict[Format, Callable[[Iterable[User], str, str | None], Iterable[str]]] = {
    "kafka": _kafka, "strimzi": _strimzi, "json": _json,
}  # fmt: skip
