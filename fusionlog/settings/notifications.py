"""The notifications file: YAML, name of a target to where and when it is notified of incidents."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import NoneType
from typing import Any, Literal, get_args
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_core import ErrorDetails

from fusionlog.errors import NOT_SHOWN, SettingError
from fusionlog.records import Severity
from fusionlog.settings.base import SettingsGroup
from fusionlog.settings.secrets import file_of
from fusionlog.settings.yaml_file import read_mapping
from fusionlog.utils.suggestions import nearest

SETTING = "FUSIONLOG_NOTIFICATIONS_FILE"
TARGET_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
LABEL_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
"""What Prometheus takes as the name of a label."""
OWN_LABELS = frozenset({"alertname", "incident", "severity", "system"})

TargetType = Literal["slack", "alertmanager", "webhook"]
Update = Literal["severity", "systems", "explanation"]
"""What of an open incident is worth another message: a greater severity, another system, its explanation."""
_SECRETS = ("url", "token", "key")


class TargetSettings(SettingsGroup):
    """A target: who is notified of which incidents."""

    type: TargetType = Field(
        description="slack: an incoming webhook of Slack, Mattermost, Rocket.Chat or Discord (its /slack); alertmanager"
        ": the API v2 of an Alertmanager; webhook: JSON to any URL"
    )
    url: SecretStr | None = Field(
        None, description="URL of the webhook; of alertmanager its address, http://alertmanager:9093. Or url_file"
    )
    url_file: Path | None = Field(None, description="file with that URL, where it holds a token or a login")
    token_file: Path | None = Field(None, description="file with the token of the header Authorization: Bearer")
    key_file: Path | None = Field(None, description="of webhook: file with the key that signs what is sent")
    ca_file: Path | None = Field(None, description="PEM file of certificate authorities; default: the system's")
    severity: Severity = Field("warning", description="least severity: info, warning, error or critical")
    systems: tuple[str, ...] = Field((), description="only incidents with one of these systems; default: all")
    updates: tuple[Update, ...] = Field(
        ("severity",),
        description="of an open incident, what is sent as another message: severity (a greater one), systems (another "
        "one), explanation; []: nothing",
    )
    send_resolved: bool = Field(True, description="whether the end of an incident is sent")
    per_minute: int = Field(30, ge=1, le=6000, description="requests within any minute, at most; beyond it incidents "
                            "wait, the most severe first, and are sent as they are then")  # fmt: skip
    timeout: float = Field(10.0, gt=0, le=300, description="seconds of a request, at most")
    give_up_seconds: float = Field(
        3600.0, gt=0, description="seconds of failures after which a notification becomes a dead letter"
    )
    template: str | None = Field(
        None, max_length=20_000,
        description="text of slack, annotation description of alertmanager, or JSON body of webhook, with $title, "
        "$severity and so on",
    )  # fmt: skip
    link: str | None = Field(None, max_length=2000, description="URL of an incident's page, https://console/$id")
    labels: Mapping[str, str] = Field(
        {}, description="of alertmanager: further labels of each alert, by which it is routed"
    )

    @field_validator("labels")
    @classmethod
    def _are_labels(cls, value: Mapping[str, str]) -> Mapping[str, str]:
        """Alertmanager refuses other names, and would take another value of ours for another alert."""
        for name in value:
            if not LABEL_NAME.fullmatch(name):
                raise ValueError(f"{name!r} is no name of a label: letters, digits and _, no digit first")
            if name in OWN_LABELS:
                raise ValueError(f"{name} is a label of FusionLog's own; take another name")
        return value

    @model_validator(mode="after")
    def _fits_its_type(self) -> TargetSettings:
        """What another type has would silently do nothing."""
        if (self.url is None) == (self.url_file is None):
            raise ValueError("set url or url_file, one of them")
        if self.labels and self.type != "alertmanager":
            raise ValueError(f"labels are those of alertmanager; a target of type {self.type} has none")
        if self.key_file is not None and self.type != "webhook":
            raise ValueError(f"key_file signs what a webhook gets; a target of type {self.type} has no signature")
        return self


@dataclass(frozen=True)
class Target:
    """A target with its secrets, which its representation leaves out."""

    name: str
    settings: TargetSettings = field(repr=False)
    url: SecretStr
    token: SecretStr | None = None
    key: SecretStr | None = None

    @property
    def type(self) -> TargetType:
        """The type."""
        return self.settings.type

    @property
    def place(self) -> str:
        """Scheme, host and port of the URL: what of it may be shown."""
        parts = urlsplit(self.url.get_secret_value())
        host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
        return f"{parts.scheme}://{host}" + (f":{parts.port}" if parts.port else "")


def read_targets(path: Path) -> dict[str, Target]:
    """The targets that a file describes, by name.

    :raises SettingError: the file, a value in it, or a file of a secret cannot be used; no URL and no secret is shown.
    """
    entries = read_mapping(path, SETTING, "names of targets", secret=True)
    return {(checked := _name(path, name)): _target(path, checked, body) for name, body in entries.items()}


def unknown_systems(targets: Iterable[Target], known: Iterable[str]) -> list[str]:
    """A sentence on each system of a target that is not among the known ones; none where none is known."""
    names = set(known)
    return [
        f"target {target.name} waits for incidents of {system}, which the systems file does not have"
        + (f"; did you mean {near}?" if (near := nearest(system, names)) else "")
        for target in targets
        for system in target.settings.systems
        if names and system not in names
    ]


def _name(path: Path, name: object) -> str:
    if isinstance(name, str) and TARGET_NAME.fullmatch(name):
        return name
    raise SettingError(
        str(path), _shown(name),
        "the name of a target is letters, digits, . _ and -, 100 at most; quote what YAML reads as something else",
    )  # fmt: skip


def _target(path: Path, name: str, body: object) -> Target:
    place = f"{path}: {name}"
    if not isinstance(body, dict | NoneType):
        raise SettingError(place, NOT_SHOWN, "it must be a mapping of settings")
    try:
        settings = TargetSettings.model_validate(body or {})
    except ValidationError as error:
        raise _refused(place, error.errors()[0]) from None  # the values of the whole entry would follow
    return Target(
        name, settings,
        url=_url(place, settings.url or _secret(place, "url_file", settings.url_file) or SecretStr("")),
        token=_secret(place, "token_file", settings.token_file), key=_secret(place, "key_file", settings.key_file),
    )  # fmt: skip


def _secret(place: str, setting: str, path: Path | None) -> SecretStr | None:
    if path is None:
        return None
    if not path.is_absolute():
        raise SettingError(f"{place}.{setting}", NOT_SHOWN, "it must be the absolute path of a file, as /run/secrets/x")
    try:
        text = file_of(path).strip()
    except ValueError as error:
        raise SettingError(f"{place}.{setting}", str(path), f"the file {error}") from None
    if not (text.isascii() and text.isprintable()) and setting != "key_file":
        raise SettingError(f"{place}.{setting}", str(path), "the file must have one line of ASCII")
    return SecretStr(text)


def _url(place: str, url: SecretStr) -> SecretStr:
    """A URL with a scheme and a host; what is wrong is not shown, for a part of it may be a token."""
    try:
        parts = urlsplit(url.get_secret_value())
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    text = url.get_secret_value()
    if not good or not text.isprintable() or any(each.isspace() for each in text):
        raise SettingError(f"{place}.url", NOT_SHOWN, "it must be like https://host/path or http://host:port")
    return url


def _shown(value: object) -> object:
    """A value for a message; the length of one that may be a URL, which has a token, in the place of something else."""
    is_url = isinstance(value, str) and (len(value) > 100 or "/" in value)
    return f"a text of {len(str(value))} characters" if is_url else value


def _refused(place: str, error: ErrorDetails) -> SettingError:
    where = ".".join([place, *(str(part) for part in error["loc"])])
    is_shown = error["loc"] and error["loc"][0] in TargetSettings.model_fields and error["loc"][0] not in _SECRETS
    value: Any = _shown(error["input"]) if is_shown and not isinstance(error["input"], dict) else NOT_SHOWN
    return SettingError(where, value, _remedy(error))


def _remedy(error: ErrorDetails) -> str:
    if error["type"] == "missing":
        return f"it is missing; {', '.join(get_args(TargetType))} are there"
    if error["type"] != "extra_forbidden":
        return error["msg"].removeprefix("Value error, ")
    fields = [*TargetSettings.model_fields]
    near = nearest(str(error["loc"][-1]), fields)
    return (
        f"there is no such key; did you mean {near}?"
        if near
        else f"there is no such key; there are {', '.join(fields)}"
    )
