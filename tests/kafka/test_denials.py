"""What the authorizer denies is a sentence with the client, the operation, the topic or group, and the command."""

from __future__ import annotations

import pytest
from aiokafka import errors

from fusionlog.kafka.acls import Grant
from fusionlog.kafka.denials import denial, denied
from fusionlog.settings import KafkaSettings

SASL = KafkaSettings(bootstrap_servers="here:1", security_protocol="SASL_SSL", sasl_username="score")
TLS = KafkaSettings(bootstrap_servers="here:1", security_protocol="SSL")
ADD = "add it with  kafka-acls.sh --bootstrap-server here:1 --command-config admin.properties --add --allow-principal "


@pytest.mark.parametrize(
    ("error", "what"),
    [
        (errors.TopicAuthorizationFailedError("f.labels"), "Write on topic f.labels"),
        (errors.TopicAuthorizationFailedError({"f.labels"}), "Write on topic f.labels"),
        (errors.GroupAuthorizationFailedError("f.score"), "Read on group f.score"),
        (
            errors.GroupAuthorizationFailedError("Unable to get coordinator id for f.score"), "Read on group f.score"
        ),
    ],
)  # fmt: skip
def test_the_error_of_a_client_names_what_is_missing(error: Exception, what: str) -> None:
    operation, kind, name = what.replace(" on", "").split()
    said = denied(error, SASL, "Write")
    assert said is not None
    assert said.startswith(f"user 'score' lacks the permission {what}: {ADD}User:score --operation {operation} ")
    assert f"--{kind} {name}  (fusionlog acls --role ROLE prints all" in said


def test_an_error_that_names_nothing_or_is_another_is_none() -> None:
    assert denied(errors.TopicAuthorizationFailedError(), SASL, "Read") is None
    assert denied(errors.RequestTimedOutError("f.labels"), SASL, "Read") is None


def test_a_client_without_a_user_name_has_a_place_for_it() -> None:
    said = denial([Grant("topic", "f.labels", ("Read", "Describe")), Grant("topic", "f.x", ("Read",))], TLS, "score")
    assert said.startswith("this client lacks the permissions Read, Describe on topic f.labels; 1 more are missing")
    assert f"{ADD}User:NAME " in said and "fusionlog acls --role score" in said
