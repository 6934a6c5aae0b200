"""FusionLog: anomalies in the logs of a system that nobody has labelled.

The names of `fusionlog.api` are loaded at their first use: this import alone needs no extra.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

# ONNX Runtime's builds for Linux and macOS send events to Microsoft unless this is set before it is imported.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

if TYPE_CHECKING:
    from fusionlog.api import (
        AnomalyDetector,
        Event,
        ModelRelease,
        Question,
        ScoredWindow,
        Settings,
        SystemSettings,
        Window,
        WindowSettings,
        bundled_data,
        cut_windows,
        fetch_release,
        load_release,
        parse_lines,
        read_lines,
        read_systems,
        teacher_questions,
    )

__version__ = "0.1.0"
__all__ = [
    "AnomalyDetector",
    "Event",
    "ModelRelease",
    "Question",
    "ScoredWindow",
    "Settings",
    "SystemSettings",
    "Window",
    "WindowSettings",
    "__version__",
    "bundled_data",
    "cut_windows",
    "fetch_release",
    "load_release",
    "parse_lines",
    "read_lines",
    "read_systems",
    "teacher_questions",
]


if not TYPE_CHECKING:  # a type checker refuses a name that is not there

    def __getattr__(name: str) -> Any:
        """A name of `fusionlog.api` (PEP 562).

        :raises MissingExtraError: a package of the agents extra is not installed.
        """
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        try:
            from fusionlog import api
        except ModuleNotFoundError as error:
            from fusionlog.errors import MissingExtraError

            package = (error.name or "a package").partition(".")[0]
            raise MissingExtraError(package, "agents", f"fusionlog.{name}") from error
        return getattr(api, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
