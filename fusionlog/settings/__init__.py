"""Settings: the environment (`FUSIONLOG_…`, nested by `__`) over defaults, and a YAML file of the systems."""

from fusionlog.settings.environment import OTHERS, PREFIX, Settings, load, variables
from fusionlog.settings.groups import (
    MAX_OPEN_SESSIONS,
    AlphaSettings,
    BaseTraining,
    CanarySettings,
    DistillSettings,
    EvaluateSettings,
    ExplainSettings,
    GuardSettings,
    IngestSettings,
    KafkaSettings,
    LabellerName,
    LabelSettings,
    ScoreSettings,
    SecondOpinionSettings,
    WhenAway,
)
from fusionlog.settings.systems import NO_TIME, FormatName, MultilineSettings, SystemSettings, WindowSettings
from fusionlog.settings.systems_file import SYSTEM_NAME, check_name, read_systems, yaml_mapping

__all__ = [
    "MAX_OPEN_SESSIONS",
    "NO_TIME",
    "OTHERS",
    "PREFIX",
    "SYSTEM_NAME",
    "AlphaSettings",
    "BaseTraining",
    "CanarySettings",
    "DistillSettings",
    "EvaluateSettings",
    "ExplainSettings",
    "FormatName",
    "GuardSettings",
    "IngestSettings",
    "KafkaSettings",
    "LabelSettings",
    "LabellerName",
    "MultilineSettings",
    "ScoreSettings",
    "SecondOpinionSettings",
    "Settings",
    "SystemSettings",
    "WhenAway",
    "WindowSettings",
    "check_name",
    "load",
    "read_systems",
    "variables",
    "yaml_mapping",
]
