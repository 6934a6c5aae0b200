"""The system of the canary, which needs no entry in the systems file, and its method."""

from __future__ import annotations

from collections.abc import Collection

from fusionlog.rules import RULES, MethodName
from fusionlog.settings.systems import NO_TIME, MultilineSettings, SystemSettings, WindowSettings

LINES = 2
"""Lines of a session of the canary: its second line closes it, so that no idle gap is waited for."""
LEAST_IDLE_SECONDS = 600.0
INTERVALS = 4
"""An idle gap has so many intervals of the canary: a step of its lines' times within a quarter of it needs no
evidence."""


def canary_system(seconds: float) -> SystemSettings:
    """The settings of the canary's system. A line is its session's key and a text; Kafka's timestamp counts.

    :param seconds: between two sessions.
    """
    idle = max(LEAST_IDLE_SECONDS, INTERVALS * seconds)
    return SystemSettings(
        description="FusionLog's own canary: a known normal session and a known anomaly, again and again",
        header="<Canary> <Content>",
        session_field="Canary",
        time_field=NO_TIME,
        multiline=MultilineSettings(enabled=False),
        window=WindowSettings(by="session", idle_seconds=idle, max_events=LINES),
    )


def canary_method(methods: Collection[MethodName]) -> MethodName:
    """The method of the canary's system beside systems of these: the base model's verdict, which costs no call.

    Where no system has a small model it is the language model's, which is asked once a window shape.
    """
    return "source-only" if any(RULES[method].model for method in methods) else "llm-only"
