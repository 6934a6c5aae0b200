"""The settings of incidents: the times by which anomalies of one cause are one incident."""

from __future__ import annotations

from pydantic import Field, ValidationInfo, field_validator

from fusionlog.settings.base import SettingsGroup


class IncidentSettings(SettingsGroup):
    """Incidents: the times by which the anomalies of one cause are one of them, the same for all systems."""

    quiet_seconds: float = Field(300.0, gt=0, description="seconds without an anomaly after which one is resolved")
    reopen_seconds: float = Field(
        900.0, gt=0, validate_default=True,
        description="seconds after its last anomaly within which one is opened again; later another one opens",
    )  # fmt: skip
    together_seconds: float = Field(
        60.0, ge=0, description="seconds within which incidents of several systems begin together and are one; 0: never"
    )
    keep_seconds: float = Field(
        7 * 86400.0,
        gt=0,
        validate_default=True,
        description="seconds after its last change after which one that is over is deleted",
    )

    @field_validator("reopen_seconds", "keep_seconds")
    @classmethod
    def _covers(cls, value: float, info: ValidationInfo) -> float:
        """One that is not resolved yet cannot be opened again, and one that may be opened again must be known."""
        before = {"reopen_seconds": "quiet_seconds", "keep_seconds": "reopen_seconds"}[info.field_name or ""]
        least = info.data.get(before)
        if least is not None and value < least:
            raise ValueError(f"FUSIONLOG_INCIDENTS__{before.upper()} is {least:g}: take that or more")
        return value
