"""Settings of a Ray job: values that are no secrets, and secrets by reference.

Ray writes the environment of a job (`runtime_env`) into its logs. A secret's value is left out of it: a node has it in
its own environment, or in the file that a `FUSIONLOG_..._FILE` variable or `FUSIONLOG_SECRETS_DIR` names. Where the
submitting process has the value itself, the names of those secrets go along, and a node without one refuses the job.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import reduce
from typing import TypeVar

from pydantic import BaseModel

from fusionlog.errors import SettingError
from fusionlog.settings.base import SecretUrl
from fusionlog.settings.secrets import (
    FILE,
    PREFIX,
    SECRETS_DIR,
    Place,
    fields_of,
    file_settings,
    is_secret,
    is_url,
    variable,
)

NODE_SECRETS = f"{PREFIX}NODE_SECRETS"
"""The variable with the names of the secrets that a node must have, separated by commas."""
NOT_OF_JOBS = (f"{PREFIX}LABEL__", f"{PREFIX}METRICS__", f"{PREFIX}RAY_", f"{PREFIX}SIGNING__")
"""Secrets that no job needs: those of the endpoint, of the workers' metrics, of submitting, and the key of who submits:
a job signs with its node's, and names that where it is missing."""
MADE_OF_SECRETS = ("signatures",)
"""What settings keep once it was made of secrets."""

Model = TypeVar("Model", bound=BaseModel)


def by_reference(model: type[BaseModel], environment: Mapping[str, str]) -> dict[str, str]:
    """Environment variables without the values of secrets; the names of those that a job needs are in one of them."""
    hidden = {name for name, value in environment.items() if value and _is_hidden(model, name.upper(), value)}
    needed = sorted({name.upper() for name in hidden if not name.upper().startswith(NOT_OF_JOBS)})
    kept = {name: value for name, value in environment.items() if name not in hidden}
    return {**kept, NODE_SECRETS: ",".join(needed)} if needed else kept


def refuse_missing(settings: BaseModel, environment: Mapping[str, str]) -> None:
    """Refuse to run a job on a node that lacks a secret which the submitting process has.

    :raises SettingError: naming it.
    """
    places = file_settings(type(settings))
    for name in filter(None, environment.get(NODE_SECRETS, "").split(",")):
        if name in places and reduce(getattr, places[name], settings) is None and not environment.get(f"{name}{FILE}"):
            raise SettingError(
                name, None,
                "the process that submitted this Ray job has it, and this node has not. Secrets are not sent: set "
                f"{name} or {name}{FILE} in the environment of every Ray node, or {SECRETS_DIR}",
            )  # fmt: skip


def without_secrets(settings: Model) -> Model:
    """Settings without the values of secrets and what was made of them, to be sent to another process."""
    sent = _with(settings, {place: None for place, value in _secrets_of(settings) if not _is_shown(value)})
    for name in MADE_OF_SECRETS:
        sent.__dict__.pop(name, None)
    return sent


def with_secrets(settings: Model, here: Model) -> Model:
    """Settings that were sent without secrets, with those of this process."""
    return _with(
        settings, {place: reduce(getattr, place, here) for place, sent in _secrets_of(settings) if sent is None}
    )


def _secrets_of(settings: BaseModel) -> Iterator[tuple[Place, object]]:
    """The secrets of settings, None where one is not set."""
    for place, field in fields_of(type(settings)):
        if is_secret(field):
            yield place, reduce(getattr, place, settings)


def _is_shown(value: object) -> bool:
    """Whether a value of a setting that may be secret has nothing to hide."""
    return value is None or (isinstance(value, SecretUrl) and not value.holds_secret)


def _with(settings: Model, values: Mapping[tuple[str, ...], object]) -> Model:
    """Settings with other values at places."""
    update: dict[str, object] = {place[0]: value for place, value in values.items() if len(place) == 1}
    for group in {place[0] for place in values if len(place) > 1}:
        inner = {place[1:]: value for place, value in values.items() if place[0] == group and len(place) > 1}
        update[group] = _with(getattr(settings, group), inner)
    return settings.model_copy(update=update)


def _is_hidden(model: type[BaseModel], name: str, value: str) -> bool:
    return any(
        variable(place) == name and not (is_url(field) and _is_shown(SecretUrl(value)))
        for place, field in fields_of(model) if is_secret(field)
    )  # fmt: skip
