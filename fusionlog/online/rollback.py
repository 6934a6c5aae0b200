"""A rollback: an earlier release of a system, or the base, in use again by every worker. No Kafka."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from fusionlog import releases
from fusionlog.errors import ModelError, SettingError
from fusionlog.observability.deployment import USING, Deployment
from fusionlog.records import ModelRelease, Withdrawal, WorkerState
from fusionlog.releases import BASE


@dataclass(frozen=True)
class Rollback:
    """What a rollback writes, and the release that is in use then.

    :param withdrawn: releases of the system that are withdrawn. :param again: an earlier one, under a new version.
    """

    system: str
    in_use: ModelRelease
    withdrawn: Sequence[ModelRelease] = ()
    again: ModelRelease | None = None


def plan(found: Sequence[ModelRelease], system: str | None, target: str, reason: str, now: float) -> Rollback:
    """The rollback to `previous`, `base`, or the version that begins so.

    :param found: the releases of the topic, oldest first.
    :raises SettingError: no release is meant, or several are. :raises ModelError: there is nothing to go back to.
    """
    if target not in ("previous", "base"):
        release = chosen(found, target, system)
        again = again_at(release, now)
        return Rollback(release.system, again, again=again)
    if system is None:
        raise SettingError("--system", None, f"name the system whose {target} release shall be in use")
    if system == BASE and target == "base":
        raise SettingError("--system", system, "this is the base: name a version, or  previous")
    own = [each for each in found if each.system == system and each.withdrawn is None]
    if target == "previous" and own and (before := _before(own)) is not None:
        again = again_at(before, now)
        return Rollback(system, again, again=again)
    base = next((each for each in reversed(found) if each.system == BASE and each.withdrawn is None), None)
    if not own:
        raise ModelError(f"{system} has no release of its own that stands: it uses the base already")
    if system == BASE or base is None:
        raise ModelError(f"{system} has no earlier release than {own[-1].version}, and there is no other base")
    return Rollback(system, base, [_withdrawn(each, base, reason, now) for each in own])


def _before(own: Sequence[ModelRelease]) -> ModelRelease | None:
    """The release before the one in use, or before that which it is a copy of, without copies; None: there is none."""
    by_version, origin = {each.version: each for each in own}, own[-1]
    while (parent := _original(origin, by_version)) is not None:
        origin = parent
    before = own[: own.index(origin)]
    return next((each for each in reversed(before) if _original(each, by_version) is None), None)


def _original(release: ModelRelease, by_version: Mapping[str, ModelRelease]) -> ModelRelease | None:
    """The release that this one is a copy of; None where it is none."""
    parent = by_version.get(release.lineage.parent or "")
    return parent if parent is not None and parent.onnx == release.onnx and parent.bank == release.bank else None


def chosen(found: Sequence[ModelRelease], version: str, system: str | None = None) -> ModelRelease:
    """The release whose version begins so.

    :raises ModelError: there is none, or there are several.
    """
    of = [each for each in found if system in (None, each.system)]
    fits = [each for each in of if each.version == version] or [each for each in of if each.version.startswith(version)]
    if len(fits) == 1:
        return fits[0]
    names = ", ".join(each.version for each in (fits or of)) or "none"
    raise ModelError(
        f"{len(fits) or 'no'} release{'s begin' if fits else ' begins'} with {version!r}: there are {names}"
    )


def again_at(release: ModelRelease, now: float) -> ModelRelease:
    """A copy of a release under a new version, with the original as its parent, as an operator chose it; not signed."""
    lineage = replace(release.lineage, parent=release.version)
    version = releases.new_version(now, release.system)
    again = replace(release, withdrawn=None, guarded=False)
    return replace(again, version=version, created=now, lineage=lineage, sha256="", signature=None)


def _withdrawn(release: ModelRelease, base: ModelRelease, reason: str, now: float) -> ModelRelease:
    withdrawal = Withdrawal(system=release.system, at=now, cause="operator", reason=reason, previous=base.version)
    return releases.sealed(replace(release, withdrawn=withdrawal))


def scope(rollback: Rollback, found: Sequence[ModelRelease], systems: Sequence[str]) -> list[str]:
    """What a rollback changes, and what it does not, a sentence each.

    :param systems: the configured ones.
    """
    if rollback.system != BASE:
        lines = [f"{rollback.system} goes back to {rollback.in_use.version}; no other system is changed"]
        return [*lines, *(f"  withdrawn: {each.version} (undo: fusionlog models restore {each.version})"
                          for each in rollback.withdrawn)]  # fmt: skip
    own = {each.system for each in found if each.withdrawn is None}
    changed = [name for name in systems if name not in own] or ["no configured system"]
    lines = [f"the base {rollback.in_use.version} is in use by: {', '.join(changed)}"]
    kept = [name for name in systems if name in own]
    return [*lines, *([f"  not changed, for they have releases of their own: {', '.join(kept)}"] if kept else [])]


def usage(found: Deployment, rollback: Rollback) -> tuple[int, int]:
    """How many running workers use the release of a rollback, and of how many."""
    if rollback.system != BASE:
        return found.using(rollback.system, rollback.in_use.version)
    bases = [_bases(each) for each in found.workers if each.role in USING]
    return sum(each == {rollback.in_use.version} for each in bases), sum(map(bool, bases))


def _bases(worker: WorkerState) -> set[str | None]:
    """The bases that a worker uses; None among them where a system waits for one."""
    return {each for each in worker.models.values() if each is None or each.endswith(f"-{releases.BASE_NAME}")}


def _used(worker: WorkerState, system: str) -> str | None:
    if system != BASE:
        return worker.models.get(system)
    return ", ".join(sorted(str(each) for each in _bases(worker))) or None


def usage_sentence(found: Deployment, rollback: Rollback) -> str:
    """How many running workers use the release of a rollback, and which ones do not yet."""
    version, (used, of) = rollback.in_use.version, usage(found, rollback)
    if of == 0:
        return f"no running worker reports a release of {rollback.system}: the next one that starts uses {version}"
    others = [
        f"{each.role} worker {each.worker} uses {used_by}"
        for each in found.workers
        if each.role in USING and (used_by := _used(each, rollback.system)) not in (None, version)
    ]
    return f"{used} of {of} workers use {version}" + (f"; not yet: {', '.join(others)}" if used < of else "")
