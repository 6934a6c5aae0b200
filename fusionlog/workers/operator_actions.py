"""What operators change: the releases in use. The command line and the console write the same records.

A `role` is that of the process which writes.
"""

from __future__ import annotations

import time

from msgspec.structs import replace

from fusionlog import releases
from fusionlog.errors import ModelError, SettingError
from fusionlog.kafka.codecs import key_of
from fusionlog.kafka.table import read_all
from fusionlog.kafka.written import publish_release, write
from fusionlog.online.rollback import Rollback, chosen, plan
from fusionlog.records import ModelRelease
from fusionlog.settings import Settings
from fusionlog.signing.signatures import KEY_SETTING
from fusionlog.topics import Role


async def read_releases(config: Settings) -> list[ModelRelease]:
    """The releases of the model topic by system, the oldest of each first.

    :raises BrokerError: Kafka does not answer, or the topic is missing.
    """
    found: list[ModelRelease] = [release for _, release in await read_all(config, config.topics.models)]
    return sorted(found, key=lambda release: (release.system, release.created))


async def verified_release(config: Settings, version: str) -> ModelRelease:
    """The release whose version begins so.

    :raises ModelError: there is none, there are several, or it does not verify.
    """
    release = chosen(await read_releases(config), version)
    releases.verify(release, config.signatures)
    return release


async def roll_back(
    config: Settings, role: Role, target: str, system: str | None, reason: str
) -> tuple[Rollback, list[ModelRelease]]:
    """Put an earlier release, or the base, into use; the rollback, and the releases that there were before.

    :param target: `previous`, `base`, or the beginning of a version.
    :raises ModelError: there is nothing to go back to, or the release does not verify.
    :raises SettingError: no release is meant, or this process has no key that signs as the release was signed.
    """
    found = await read_releases(config)
    rollback = plan(found, system, target, reason, time.time())
    if rollback.again is not None:
        release = chosen(found, rollback.again.lineage.parent or "")
        releases.verify(release, config.signatures)
        _refuse_unsigned(config, release)
        await publish_release(config, rollback.again, role)
    else:
        await write(config, config.topics.models, {key_of(each): each for each in rollback.withdrawn}, role)
    return rollback, found


async def restore(config: Settings, role: Role, version: str) -> ModelRelease:
    """Undo the withdrawal of a release.

    :raises ModelError: it is not withdrawn, or does not verify.
    :raises SettingError: this process has no key that signs as the release was signed.
    """
    release = await verified_release(config, version)
    if release.withdrawn is None:
        raise ModelError(f"release {version} is not withdrawn: to use an earlier one, run  fusionlog models rollback")
    _refuse_unsigned(config, release)
    return await publish_release(config, replace(release, withdrawn=None, guarded=False), role)


def _refuse_unsigned(config: Settings, release: ModelRelease) -> None:
    """:raises SettingError: the release is signed, and would not be any more: workers with a key would refuse it."""
    if release.signature is not None and config.signatures.key is None:
        remedy = f"release {release.version} is signed: give the private key of an operator"
        raise SettingError(KEY_SETTING, None, remedy)
