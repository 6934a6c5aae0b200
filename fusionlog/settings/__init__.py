"""Settings: the environment (`FUSIONLOG_…`, nested by `__`) over defaults, and a YAML file of the systems."""

from fusionlog.settings.base import SecretUrl
from fusionlog.settings.environment import OTHERS, Settings, load, variables
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
    MetricsSettings,
    ScoreSettings,
    SecondOpinionSettings,
    SigningSettings,
    WhenAway,
)
from fusionlog.settings.incidents import IncidentSettings
from fusionlog.settings.node_secrets import by_reference, with_secrets, without_secrets
from fusionlog.settings.notifications import Target, TargetSettings, read_targets, unknown_systems
from fusionlog.settings.secrets import FILE, PREFIX, file_settings
from fusionlog.settings.system_names import refuse_unknown
from fusionlog.settings.systems import NO_TIME, FormatName, MultilineSettings, SystemSettings, WindowSettings
from fusionlog.settings.systems_file import SYSTEM_NAME, check_name, read_systems, yaml_mapping
from fusionlog.settings.systems_reload import SystemsChange
from fusionlog.settings.training import TrainSettings

__all__ = [
    "FILE",
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
    "IncidentSettings",
    "IngestSettings",
    "KafkaSettings",
    "LabelSettings",
    "LabellerName",
    "MetricsSettings",
    "MultilineSettings",
    "ScoreSettings",
    "SecondOpinionSettings",
    "SecretUrl",
    "Settings",
    "SigningSettings",
    "SystemSettings",
    "SystemsChange",
    "Target",
    "TargetSettings",
    "TrainSettings",
    "WhenAway",
    "WindowSettings",
    "by_reference",
    "check_name",
    "file_settings",
    "load",
    "read_systems",
    "read_targets",
    "refuse_unknown",
    "unknown_systems",
    "variables",
    "with_secrets",
    "without_secrets",
    "yaml_mapping",
]
