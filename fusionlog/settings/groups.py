"""The groups of settings that the environment sets: Kafka, each worker role, the methods, training."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, ValidationInfo, field_validator

from fusionlog.settings.base import SecretUrl, SettingsGroup
from fusionlog.settings.secrets import FROM_FILE
from fusionlog.types import DetectorName

BaseTraining = Literal["erm", "mldg"]
LabellerName = Literal["direct", "alpha"]
WhenAway = Literal["wait", "offline"]
MAX_OPEN_SESSIONS = 100_000
HEARTBEATS = 4
"""Heartbeats of a consumer within its session timeout, and within a rebalance."""


MOST_SECONDS = 2_000_000
"""Kafka counts milliseconds in 32 bits."""


class KafkaSettings(SettingsGroup):
    """The connection to Kafka, and the topics that are created. The names are aiokafka's."""

    bootstrap_servers: str = Field("127.0.0.1:9092", description="host:port of the brokers, separated by commas")
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        "PLAINTEXT", description="PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL"
    )
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"] = Field(
        "PLAIN", description="PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 or OAUTHBEARER"
    )
    sasl_username: str | None = Field(None, description="user name of SASL", json_schema_extra=FROM_FILE)
    sasl_password: SecretStr | None = Field(None, description="password of SASL")
    oauth_url: SecretUrl | None = Field(
        None, description="token endpoint of OAUTHBEARER (client credentials), https://idp/token"
    )
    oauth_client_id: str | None = Field(None, description="client id at that endpoint", json_schema_extra=FROM_FILE)
    oauth_client_secret: SecretStr | None = Field(None, description="client secret at that endpoint")
    oauth_scope: str | None = Field(None, description="scope that the token is requested for; default: none")
    ssl_cafile: Path | None = Field(None, description="PEM file of certificate authorities; default: the system's")
    ssl_certfile: Path | None = Field(None, description="PEM file of a client certificate")
    ssl_keyfile: Path | None = Field(None, description="PEM file of its key; default: the key is in ssl_certfile")
    ssl_key_password: SecretStr | None = Field(None, description="password of an encrypted key")
    replication_factor: int = Field(1, ge=1, description="replicas of the topics that are created")
    partitions: int = Field(4, ge=1, description="partitions of the topics that several workers share")
    compression: Literal["none", "gzip", "lz4", "zstd", "snappy"] = Field(
        "lz4", description="compression of produced batches: none, gzip, lz4, zstd or snappy"
    )
    session_timeout: float = Field(
        30.0, gt=0, le=MOST_SECONDS, description="seconds without a heartbeat after which a consumer leaves its group"
    )
    rebalance_timeout: float = Field(
        60.0, gt=0, le=MOST_SECONDS, description="seconds that consumers have to rejoin in a rebalance"
    )
    group_instance_id: str | None = Field(
        None, pattern=r"^[a-zA-Z0-9._-]{1,240}$",
        description="static membership (Kafka's group.instance.id): a worker that is back within session_timeout keeps"
        " its partitions; every worker of a role needs another one",
    )  # fmt: skip
    metadata_seconds: float = Field(
        10.0,
        gt=0,
        le=MOST_SECONDS,
        description="age of metadata in seconds, after which partitions added to a topic are found",
    )

    @field_validator("bootstrap_servers")
    @classmethod
    def _has_no_login(cls, value: str) -> str:
        """Addresses are logged, and Kafka's protocol has no login in them."""
        if "@" in value or "://" in value:
            raise ValueError(
                "it must be host:port, separated by commas, without scheme and login: set the login by "
                "FUSIONLOG_KAFKA__SASL_USERNAME and FUSIONLOG_KAFKA__SASL_PASSWORD"
            )
        return value

    @property
    def heartbeat_interval(self) -> float:
        """Seconds between two heartbeats: by one of them a consumer learns of a rebalance, and joins it in time."""
        return min(self.session_timeout, self.rebalance_timeout) / HEARTBEATS


class SigningSettings(SettingsGroup):
    """Ed25519 signatures of releases, labels, and what operators write (see security.md)."""

    key: SecretStr | None = Field(None, description="private key of this process in PEM form")
    key_file: Path | None = Field(None, description="file of that key, as fusionlog keys generate writes it")
    public_keys: Path | None = Field(
        None,
        description="file of the public keys that records must be signed with; it is read again where it changes; "
        "none: records are neither signed nor verified",
    )


class IngestSettings(SettingsGroup):
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
    max_similar_templates: int = Field(
        300,
        ge=1,
        description="templates that a line is compared with, those of as many tokens with the same first one; "
        "the least used of them is dropped",
    )
    new_templates: int = Field(
        2_000,
        ge=1,
        description="templates of a system that may be found at once, later one with every hundredth line; "
        "beyond that lines get the catch-all event",
    )
    max_open_sessions: int = Field(
        MAX_OPEN_SESSIONS,
        ge=1,
        description="sessions of a partition that are open at once, at most; beyond it the one that waited longest for "
        "a line is closed",
    )
    silence_seconds: float | None = Field(
        None, gt=0, description="seconds without a record that close a partition's windows; default: idle_seconds"
    )
    message_fields: tuple[str, ...] = Field(
        ("log", "message", "MESSAGE", "msg"),
        description="fields of a shipper's JSON that hold the line; the first one present",
    )
    expression_seconds: float = Field(
        1.0,
        gt=0,
        description="seconds of CPU that a regular expression of the systems file may take on a line; one that takes "
        "longer makes the line a dead letter",
    )
    drain_similarity: float = Field(0.8, gt=0, le=1, description="least share of equal tokens for one template")
    drain_depth: int = Field(4, ge=3, description="depth of Drain3's tree")


class ScoreSettings(SettingsGroup):
    """Scoring general windows."""

    batch_windows: int = Field(256, ge=1, description="windows of a batch, at most")
    provider: Literal["auto", "cuda", "cpu"] = Field(
        "auto",
        description="ONNX Runtime provider of models and encoder: auto (CUDA where it works), cuda (required) or cpu",
    )
    cache_entries: int = Field(100_000, ge=0, description="verdicts cached by window shape, per release")
    threads: int = Field(1, ge=1, description="CPU threads of a model")
    timeout: float = Field(
        30.0, gt=0, description="seconds of a batch, at most; then the release before the one in use takes its place"
    )


class GuardSettings(SettingsGroup):
    """The guard of a new release: the comparison with the release before it on the first windows after the swap."""

    windows: int = Field(
        300, ge=0, le=10_000,
        description="windows of a system that a score worker also scores by the release before a new one; 0: no guard",
    )  # fmt: skip
    seconds: float = Field(
        6 * 3600.0, gt=0,
        description="seconds after which a guard ends; until then labels on its windows count as they arrive",
    )  # fmt: skip
    share: float = Field(
        0.1, ge=0, le=1,
        description="greatest increase of the share of anomalous windows over the release before",
    )  # fmt: skip
    disagreement: float = Field(
        0.2, ge=0, le=1,
        description="greatest increase of the share of labelled window shapes on which release and teacher disagree",
    )  # fmt: skip
    significance: float = Field(
        0.001, gt=0, lt=1,
        description="probability of withdrawing a release that is no worse than the one before, at most, by a bound",
    )  # fmt: skip


class SecondOpinionSettings(SettingsGroup):
    """The second opinion of the teacher on general windows that the model is uncertain about."""

    share: float = Field(
        0.1, ge=0, lt=1, description="share of the general windows that get a second opinion, at most; 0 turns it off"
    )
    min_score: float = Field(
        0.3, ge=0, description="least acquisition score of a window that gets one; an undecided model alone scores 1"
    )


class LabelSettings(SettingsGroup):
    """The teacher: its endpoint, its calls and their budget."""

    labeller: LabellerName = Field(
        "direct",
        description="direct: a call about every shape; alpha: about representatives of clusters (see labelling.md)",
    )
    url: SecretUrl | None = Field(None, description="URL of an OpenAI-compatible endpoint; none: the offline teacher")
    model: str = Field("gpt-4o-mini", description="name of the model at the endpoint")
    api_key: SecretStr | None = Field(None, description="API key of the endpoint")
    timeout: float = Field(60.0, gt=0, description="seconds of a call, at most")
    units_per_call: int = Field(20, ge=1, description="windows of a call, at most")
    wait_seconds: float = Field(1.0, gt=0, description="seconds that windows are collected for a call")
    calls_per_hour: int = Field(
        600, ge=1, description="calls of all label workers within an hour; beyond them windows wait"
    )
    price_per_million_input: float = Field(
        0.0, ge=0, allow_inf_nan=False, description="price of a million tokens of prompts, in any currency"
    )
    price_per_million_output: float = Field(
        0.0, ge=0, allow_inf_nan=False, description="price of a million tokens of answers"
    )
    budget_per_day: float | None = Field(
        None, gt=0, allow_inf_nan=False,
        description="money that all label and explain workers spend within a day of UTC, at most; default: no limit",
    )  # fmt: skip
    retries: int = Field(4, ge=0, description="repetitions of a failed call, at most")
    breaker_failures: int = Field(5, ge=1, description="failed calls in a row that open the circuit breaker")
    breaker_seconds: float = Field(30.0, gt=0, description="seconds that the breaker stays open")
    when_away: WhenAway = Field(
        "wait",
        description="windows while the endpoint is away: wait, or offline: provisional verdicts by the offline teacher",
    )
    evidence: bool = Field(
        True, description="whether a window is sent with what is rare in it: counts over the windows before, levels"
    )
    neighbours: int = Field(
        3, ge=0, le=5, description="similar windows that are sent beside one, with their earlier verdicts; 0: none"
    )
    pseudonyms: bool = Field(
        True,
        description="whether names of hosts and users are sent as host-1, user-2 and mapped back in the reasons; false "
        "for a recorded teacher",
    )

    @field_validator("budget_per_day")
    @classmethod
    def _has_prices(cls, value: float | None, info: ValidationInfo) -> float | None:
        """Without a price no call costs anything, and the budget would never be spent."""
        prices = [info.data.get(name) for name in ("price_per_million_input", "price_per_million_output")]
        if value is not None and prices == [0.0, 0.0]:
            raise ValueError(
                "a budget in money needs prices: "
                "set FUSIONLOG_LABEL__PRICE_PER_MILLION_INPUT and FUSIONLOG_LABEL__PRICE_PER_MILLION_OUTPUT"
            )
        return value


class ExplainSettings(SettingsGroup):
    """Explaining anomalies, by the endpoint of the label settings."""

    model: str | None = Field(None, description="name of the model at FUSIONLOG_LABEL__URL; default: the label's")
    calls_per_hour: int = Field(
        30, ge=1, description="calls of all explain workers for a system within an hour; highest scores first"
    )
    price_per_million_input: float | None = Field(
        None, ge=0, allow_inf_nan=False, description="price of a million tokens of prompts; default: the label's"
    )
    price_per_million_output: float | None = Field(
        None, ge=0, allow_inf_nan=False, description="price of a million tokens of answers; default: the label's"
    )
    max_pending: int = Field(
        500, ge=1, description="anomalies that wait, at most, one per shape; beyond it the lowest scores are skipped"
    )
    incident_seconds: float = Field(
        10.0, ge=0, le=3600,
        description="seconds that an anomaly waits to be in an incident, which is explained once; 0: not at all",
    )  # fmt: skip


class MetricsSettings(SettingsGroup):
    """Access to the metrics of a worker; FUSIONLOG_METRICS_PORT and _HOST are where they are served."""

    token: SecretStr | None = Field(
        None, description="token that a request for /metrics must bear; the probes need none. Default: no token"
    )


class AlphaSettings(SettingsGroup):
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


class DistillSettings(SettingsGroup):
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


class CanarySettings(SettingsGroup):
    """The canary: lines of a system of its own that go from a raw topic to an anomaly, again and again."""

    seconds: float = Field(
        0.0, ge=0, le=3600,
        description="seconds between two known anomalies of the system fusionlog-canary (see operations.md); 0: none",
    )  # fmt: skip
    timeout: float = Field(
        30.0, gt=0, le=3600, description="seconds from its lines to their anomaly, at most; then the canary fails"
    )

    @field_validator("seconds")
    @classmethod
    def _is_no_flood(cls, value: float) -> float:
        """Lines that come faster are a load, and no sign of life."""
        if 0.0 < value < 1.0:
            raise ValueError("take a second at least, as 60; or 0 for none")
        return value


class EvaluateSettings(SettingsGroup):
    """The calls of a fold of `fusionlog evaluate`, and the longest wait of a window there for an answer."""

    calls: int = Field(15, ge=1, description="calls of a fold, at most, those of its adaptation half included")
    adaptation_calls: int = Field(7, ge=0, description="calls of the adaptation half, at most")
    max_wait_windows: int = Field(
        200, ge=1, description="windows after which a call is made though it is not full; stands for label.wait_seconds"
    )
