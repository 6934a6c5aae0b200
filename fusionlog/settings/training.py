"""The settings of the train role: when a target is due, and the jobs that train targets."""

from __future__ import annotations

from pydantic import Field

from fusionlog.settings.base import SettingsGroup


class TrainSettings(SettingsGroup):
    """When the train role trains a target, and the Ray jobs that it submits for that."""

    new_labels: int = Field(20, ge=1, description="new labels of a system that make a training due")
    changed_labels: int = Field(
        5, ge=1, description="labels of a system that were revoked, or contradict earlier ones, that make one due"
    )
    feedback: int = Field(3, ge=1, description="operators' verdicts on anomalies of a system that make one due")
    drift: float = Field(
        0.2, ge=0, le=1,
        description="increase of the share of proprietary windows since the last training from which a single new "
        "label makes one due; 0: not watched",
    )  # fmt: skip
    stale_seconds: float = Field(
        24 * 3600.0, gt=0, description="seconds that a single new label waits for a training, at most"
    )
    interval: float = Field(3600.0, ge=0, description="seconds between two trainings of a system, at least")
    retry_seconds: float = Field(
        60.0, gt=0,
        description="seconds before a failed training is repeated; doubled with each failure, up to a day",
    )  # fmt: skip
    timeout: float = Field(3600.0, gt=0, description="seconds of a job, at most; then it is stopped")
    jobs: int = Field(1, ge=1, description="jobs that run at once, at most; further targets wait")
    targets_per_job: int = Field(50, ge=1, le=1_000, description="targets of one job, at most")
    poll_seconds: float = Field(5.0, gt=0, le=60, description="seconds between two looks at the labels and the jobs")
    sources: tuple[str, ...] = Field((), description="labelled systems for the gate and for replay; default: none")
    data: str | None = Field(
        None, description="directory of labelled systems, as the job sees it; default: the bundled ones"
    )
