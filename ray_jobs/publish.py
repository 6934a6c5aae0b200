"""The jobs' reads from Kafka (labels, feedback, windows, releases), and their one write: a release."""

from __future__ import annotations

from fusionlog import releases
from fusionlog.errors import ModelError
from fusionlog.kafka.table import read_all
from fusionlog.kafka.written import publish_release
from fusionlog.records import Feedback, ModelRelease, PseudoLabel, Window
from fusionlog.releases import BASE
from fusionlog.settings import Settings


async def read_labels(settings: Settings, system: str) -> list[PseudoLabel]:
    """The pseudo-labels of a system, oldest first."""
    labels = [label for _, label in await read_all(settings, settings.topics.labels) if label.system == system]
    return sorted(labels, key=lambda label: label.labelled_at)


async def read_feedback(settings: Settings, system: str) -> list[Feedback]:
    """The operators' verdicts on a system that stand, oldest first."""
    found = [each for _, each in await read_all(settings, settings.topics.feedback) if each.system == system]
    return sorted(found, key=lambda feedback: feedback.at)


async def read_windows(settings: Settings, system: str) -> list[Window]:
    """A system's recent windows, whatever their route; a window that was emitted twice is taken once."""
    found: dict[str, Window] = {}
    for topic in (settings.topics.general, settings.topics.proprietary):
        for _, window in await read_all(settings, topic, settings.distill.recent_windows):
            if window.system == system:
                found[window.id] = window
    return sorted(found.values(), key=lambda window: (window.ended, window.id))


async def read_parent(settings: Settings, system: str) -> ModelRelease:
    """The parent of the next release: the system's newest, else the newest base, of those that verify and stand.

    :raises ModelError: there is none.
    """
    found = [release for release in await _verified(settings) if release.withdrawn is None]
    for wanted in (system, BASE):
        own = [release for release in found if release.system == wanted]
        if own:
            newest: ModelRelease = max(own, key=lambda release: release.version)
            return newest
    raise ModelError(
        f"topic {settings.topics.models.name} has no release of {system} and no base that verifies: "
        "run  fusionlog models publish --bundled  or  fusionlog meta-train  first"
    )


async def last_withdrawn(settings: Settings, system: str) -> ModelRelease | None:
    """The newest release of a system, where that is withdrawn; None where it stands."""
    own = [release for release in await _verified(settings) if release.system == system]
    newest = max(own, key=lambda release: release.created, default=None)
    return newest if newest is not None and newest.withdrawn is not None else None


async def _verified(settings: Settings) -> list[ModelRelease]:
    found: list[ModelRelease] = [release for _, release in await read_all(settings, settings.topics.models)]
    return [release for release in found if _verifies(settings, release)]


async def publish(settings: Settings, release: ModelRelease) -> ModelRelease:
    """Sign a release, where a key is configured, and wait until Kafka has acknowledged it.

    It is signed in this process, the driver of a job: no task has the key.

    :raises SettingError: releases are verified, and this process has no key that may sign them.
    :raises BrokerError: Kafka does not take it.
    """
    return await publish_release(settings, release, "ray")


def _verifies(settings: Settings, release: ModelRelease) -> bool:
    try:
        releases.verify(release, settings.signatures)
    except ModelError:
        return False
    return True
