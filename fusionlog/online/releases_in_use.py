"""The releases that windows of one system are scored under: the newest of its own, else of the base model."""

from __future__ import annotations

import time
from collections.abc import Callable

from fusionlog import releases
from fusionlog.embedding.encoder import NamedEncode
from fusionlog.errors import ModelError
from fusionlog.online.substitution import Substitution
from fusionlog.records import ModelRelease, Seconds, Window
from fusionlog.routing.bank import Bank
from fusionlog.signing.signatures import Signatures

KEPT_RELEASES = 3
"""A window in flight is scored under the release that routed it, if that is one of the last three."""

AHEAD_SECONDS = 24 * 3600.0
"""Clocks of a cluster differ by less than a day."""

Check = Callable[[ModelRelease], Bank]
"""The bank of a release that may be used. Raises a `ModelError` for one that may not."""


class ReleasesInUse:
    """The newest releases of one system, each with substitutes for events that it was not trained on. Not thread-safe.

    :param check: called before a release is taken into use.
    :param adapts: whether releases of the system itself count; else the base model's alone.
    """

    def __init__(self, system: str, check: Check, adapts: bool) -> None:
        self.system, self._check = system, check
        self._systems = (system, releases.BASE) if adapts else (releases.BASE,)
        self._kept: dict[str, Substitution] = {}
        self._withdrawn: set[str] = set()

    @property
    def current(self) -> Substitution | None:
        """The release in use."""
        return next(iter(self._kept.values()), None)

    @property
    def version(self) -> str | None:
        """The version of the release in use."""
        return next(iter(self._kept), None)

    @property
    def versions(self) -> list[str]:
        """The versions that windows can be scored under, the one in use first."""
        return list(self._kept)

    @property
    def own(self) -> bool:
        """Whether the release in use is of the system itself."""
        return self.current is not None and self.current.release.system != releases.BASE

    @property
    def all(self) -> list[Substitution]:
        """The kept releases, the one in use first."""
        return list(self._kept.values())

    def of(self, version: str) -> Substitution:
        """A kept release.

        :raises ModelError: it is not, or no longer, kept.
        """
        if version not in self._kept:
            raise ModelError(f"release {version} of system {self.system} is not kept (kept: {', '.join(self._kept)})")
        return self._kept[version]

    def in_use(self) -> str:
        """The version of the release in use.

        :raises ModelError: no release was adopted yet.
        """
        if self.version is None:
            raise ModelError(
                f"system {self.system} has no model release yet: publish the bundled base (fusionlog models publish "
                "--bundled) or train one (fusionlog meta-train)"
            )
        return self.version

    def version_of(self, window: Window) -> str:
        """The version that a window is scored under: the one that routed it, else the one in use.

        :raises ModelError: no release was adopted yet.
        """
        routed = window.route.model if window.route else None
        return routed if routed in self._kept else self.in_use()

    def adopt(self, release: ModelRelease) -> Substitution | None:
        """Keep a release that ranks among the last three: own ones above the base's, newer ones above older ones.

        One that was withdrawn is not kept again, unless an operator chose it: then it is not guarded.

        :return: the release, where it is the one in use from now on; else None.
        :raises ModelError: it is refused by its verification or by `check`, or is the bundled base and this system one
            of its sources.
        """
        if release.system not in self._systems or release.version in self._kept:
            return None
        if release.version in self._withdrawn and release.guarded:
            return None
        ranked = sorted([release, *(each.release for each in self._kept.values())], key=rank, reverse=True)
        kept = [each.version for each in ranked[:KEPT_RELEASES]]
        if release.version not in kept:
            return None
        refuse_future(release, time.time())
        if release.lineage.bundled:
            refuse_own_labels(self.system, release)
        adopted = Substitution(release, self._check(release))
        self._withdrawn.discard(release.version)
        self._kept = {version: self._kept.get(version, adopted) for version in kept}
        return adopted if kept[0] == release.version else None

    def withdraw(self, version: str) -> None:
        """Keep a release no longer, and do not adopt it again; the next one in rank is in use."""
        self._withdrawn.add(version)
        self._kept.pop(version, None)


def refuse_future(release: ModelRelease, now: Seconds) -> None:
    """Refuse a release that was made in the future: it would outrank every later one.

    :raises ModelError: its time is more than a day after `now`.
    """
    if release.created > now + AHEAD_SECONDS:
        raise ModelError(
            f"release {release.version} of system {release.system} was made at {release.created:.0f} (Unix time), "
            f"{(release.created - now) / 3600:.0f} hours ahead: set the training job's clock right, and distil again"
        )


def refuse_own_labels(system: str, release: ModelRelease) -> None:
    """Refuse a release that was trained on labels of the system that it would be used on.

    :raises ModelError: the system is one of its sources.
    """
    if system in release.lineage.sources:
        raise ModelError(
            f"release {release.version} was trained on labels of {system}, and no label of a target is used: train "
            f"a base without this source (fusionlog meta-train --source ...), or, where {system} is another system of "
            "the same name, give it another one in FUSIONLOG_SYSTEMS_FILE"
        )


def verified_bank(release: ModelRelease, signatures: Signatures | None, encode: NamedEncode) -> Bank:
    """The bank of a release that is whole, signed where there are public keys, and of this process's encoder.

    :raises ModelError: it is altered, unsigned, or of another encoder.
    """
    releases.verify(release, signatures)
    if release.encoder != encode.name:
        raise ModelError(
            f"release {release.version} of system {release.system} was made with encoder {release.encoder}, this "
            f"process has {encode.name}: give both the same FUSIONLOG_ENCODER_MODEL"
        )
    bank = Bank.of(release)
    if bank.vectors.shape[1] != encode.dim:
        raise ModelError(
            f"release {release.version} of system {release.system} has vectors of {bank.vectors.shape[1]} numbers, "
            f"its encoder makes {encode.dim}: distil it again"
        )
    return bank


def rank(release: ModelRelease) -> tuple[bool, float, str]:
    """The rank of a release: of two, the greater one is in use."""
    return release.system != releases.BASE, release.created, release.version
