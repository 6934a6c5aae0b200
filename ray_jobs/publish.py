"""The releases on Kafka: which is the parent of the next one, and the one write of a job."""

from __future__ import annotations

from collections.abc import Iterable

from fusionlog import releases
from fusionlog.errors import ModelError
from fusionlog.kafka.table import read_each
from fusionlog.kafka.written import publish_release
from fusionlog.records import ModelRelease
from fusionlog.releases import BASE
from fusionlog.settings import Settings


async def read_parent(settings: Settings, system: str) -> ModelRelease:
    """The parent of the next release of a system.

    :raises ModelError: there is none.
    """
    found = parent_of(await read_releases(settings, (system, BASE)), system)
    if found is None:
        raise no_parent(settings, system)
    return found


async def read_releases(settings: Settings, systems: Iterable[str]) -> list[ModelRelease]:
    """The releases of some systems that verify; a record that was written again counts as it was written last."""
    wanted, found = set(systems), dict[str, ModelRelease | None]()
    prefixes = tuple(f"{system}/" for system in wanted)
    async for key, release in read_each(settings, settings.topics.models, lambda key: key.startswith(prefixes)):
        found[key] = release
    return [each for each in found.values() if each is not None and each.system in wanted and _verifies(settings, each)]


def parent_of(found: Iterable[ModelRelease], system: str) -> ModelRelease | None:
    """The parent of a system's next release: the system's newest, else the newest base, of those that stand."""
    standing = [release for release in found if release.withdrawn is None]
    for wanted in (system, BASE):
        own = [release for release in standing if release.system == wanted]
        if own:
            return max(own, key=lambda release: release.version)
    return None


def newest_withdrawn(found: Iterable[ModelRelease], system: str) -> ModelRelease | None:
    """The newest release of a system, where that is withdrawn; None where it stands."""
    own = [release for release in found if release.system == system]
    newest = max(own, key=lambda release: release.created, default=None)
    return newest if newest is not None and newest.withdrawn is not None else None


def no_parent(settings: Settings, system: str) -> ModelError:
    """The error of a system that has neither a release nor a base to begin with."""
    return ModelError(
        f"topic {settings.topics.models.name} has no release of {system} and no base that verifies: "
        "run  fusionlog models publish --bundled  or  fusionlog meta-train  first"
    )


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
