"""The settings of a system: its header, session key, windows, masks, joining and method."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator, model_validator

from fusionlog.records import MAX_EVENTS
from fusionlog.rules import MethodName
from fusionlog.settings.base import SettingsGroup
from fusionlog.settings.patterns import (
    HeaderPattern,
    KeepPattern,
    LineFormat,
    MaskPattern,
    SearchPattern,
    TextEncoding,
    TimeZone,
)

FormatName = Literal[
    "klog", "logfmt", "spring", "log4j", "python", "go", "nginx", "nginx-error", "apache", "haproxy", "syslog3164",
    "syslog5424", "postgres", "postgres-csv", "mysql", "redis", "docker", "cri", "json", "ecs",
]  # fmt: skip
"""The presets of `parsing.presets`."""
NO_TIME = "none"
"""The `time_field` of a system whose lines have no time of their own."""


class WindowSettings(SettingsGroup):
    """How a system's lines are cut: by session key, or by a number of consecutive lines."""

    by: Literal["session", "count"] = "count"
    idle_seconds: float = Field(600.0, gt=0, description="seconds without a line after which a session ends")
    max_events: int = Field(500, ge=1, le=MAX_EVENTS, description="lines of a session, at most; then it is cut")
    size: int = Field(20, ge=1, le=MAX_EVENTS, description="lines in a window by count")


class MultilineSettings(SettingsGroup):
    """Which lines continue the line before them, and the limits of a joined line.

    In the systems file: `auto` (the default), `false`, or a mapping with `start` or `continues` and limits.
    """

    enabled: bool = Field(True, description="false: only the pieces of a line that a runtime cut are joined")
    start: SearchPattern = Field(None, description="regular expression of first lines; any other line continues")
    continues: SearchPattern = Field(
        None, description="regular expression of lines that continue; any other begins a line"
    )
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


class SystemSettings(SettingsGroup):
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
    keep: list[KeepPattern] = Field(
        default=[],
        description="what of a line is part of its event as it stands, beside the codes that are found by themselves: "
        "names of fields or keys, as state or http.status; or regular expressions with one group",
    )
    multiline: Multiline = Field(
        MultilineSettings(),
        description="auto: stack traces and indented lines continue the line before them; false: no line does; "
        "{start: REGEX} or {continues: REGEX}, with max_lines and wait_seconds",
    )
    inherit: bool = Field(
        False, description="whether a line without a session key takes that of the last line with one of its source"
    )
    repartition: bool = Field(
        False,
        description="whether lines go through a topic keyed by their session first: for shippers that scatter a "
        "session's lines over partitions",
    )
    method: MethodName | None = Field(None, description="the detection method; default: FUSIONLOG_METHOD")

    @field_validator("date_field")
    @classmethod
    def _has_a_clock(cls, value: str | None, info: ValidationInfo) -> str | None:
        """A date alone is no time."""
        if value is not None and info.data.get("time_field") in (None, NO_TIME):
            raise ValueError("the date needs a clock: name its field with time_field")
        return value
