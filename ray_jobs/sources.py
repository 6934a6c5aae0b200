"""The labelled sources of a job: data directories, URLs of them, and systems on Kafka with a file of labels."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from fusionlog.data.bundled import DATASETS
from fusionlog.data.remote import Directory, directories, local_file
from fusionlog.data.sources import Source, read_source
from fusionlog.data.systems import read_catalog, read_label_file
from fusionlog.errors import DataError, SettingError
from fusionlog.records import Window
from fusionlog.settings import Settings, SystemSettings
from fusionlog.utils.masking import masked_url
from fusionlog.utils.suggestions import suggestion
from ray_jobs.progress import Show

KAFKA = "kafka:"
OPTION = "--sources"
HELP = (
    "directory or URL (s3://bucket/labelled) of labelled systems, as the job sees it, or kafka:SYSTEM=LABELS.csv; "
    "repeated; default: the bundled ones"
)

WindowsOf = Callable[[str], Sequence[Window]]
"""The recent windows of a system on Kafka."""


@dataclass(frozen=True)
class OnKafka:
    """A system whose windows are on Kafka, and the place of its labels: a path or a URL of a file `id,anomalous`."""

    system: str
    labels: str


@dataclass(frozen=True)
class Places:
    """Where a job's labelled sources are, and the names of those that it takes from the directories.

    Without names it takes all systems of directories that are given, and none of the bundled ones.
    """

    directories: tuple[str, ...] = ()
    on_kafka: tuple[OnKafka, ...] = ()
    names: tuple[str, ...] = ()

    @classmethod
    def of(cls, places: Sequence[str], names: Sequence[str]) -> Places:
        """The places of options `--sources` and `--source`.

        :raises SettingError: one of Kafka names no system or no file.
        """
        on_kafka = tuple(_on_kafka(place) for place in dict.fromkeys(places) if place.startswith(KAFKA))
        kept = tuple(place for place in dict.fromkeys(places) if not place.startswith(KAFKA))
        return cls(kept, on_kafka, tuple(dict.fromkeys(names)))

    def check(self, targets: Collection[str]) -> None:
        """Refuse a target as a source of its own job: a target's labels are never read.

        :raises SettingError: naming it.
        """
        for option, name in [*(("--source", each) for each in self.names),
                             *((OPTION, each.system) for each in self.on_kafka)]:  # fmt: skip
            if name in targets:
                raise SettingError(option, name, "it is a target of this job; a target's labels are never learned from")


def _on_kafka(place: str) -> OnKafka:
    system, _, labels = place.removeprefix(KAFKA).partition("=")
    if not system or not labels:
        raise SettingError(
            OPTION, masked_url(place), "it must be kafka:SYSTEM=LABELS, as kafka:shop=s3://bucket/shop.csv"
        )
    return OnKafka(system, labels)


def read(
    places: Places,
    targets: Collection[str],
    settings: Settings,
    windows_of: WindowsOf,
    show: Show,
) -> list[Source]:
    """The labelled sources; a target that is found in a directory is left out.

    :raises DataError: a directory, URL or file of labels cannot be read, or lacks a system.
    :raises SettingError: a name is in no place, or in two.
    """
    found: dict[str, Source] = {}
    with directories(places.directories or ([str(DATASETS)] if places.names else [])) as read_places:
        holders = _holders(read_places, places.names, targets)
        for name, directory in holders.items():
            directory.fetch(name)
            found[name] = read_source(directory.path, name, settings.ingest)
            show(f"source {name}, {len(found[name].anomalous):,} sessions")
    for each in places.on_kafka:
        if each.system in found:
            raise SettingError(
                OPTION, f"{KAFKA}{each.system}", "a directory has a source of this name as well; take one"
            )
        found[each.system] = labelled(each, windows_of(each.system), settings, show)
    return list(found.values())


def _holders(found: Sequence[Directory], names: Sequence[str], targets: Collection[str]) -> dict[str, Directory]:
    """The directory of each source."""
    holders: dict[str, Directory] = {}
    known: set[str] = set()
    for directory in found:
        catalog = read_catalog(directory.path)
        known |= catalog.keys()
        for name in catalog:
            if name in names if names else name not in targets:
                if name in holders:
                    raise SettingError(
                        OPTION,
                        directory.place,
                        f"{holders[name].place} has a system {name} as well: take one of the two",
                    )
                holders[name] = directory
    for name in names:
        if name not in holders:
            where = ", ".join(directory.place for directory in found)
            raise SettingError("--source", name, f"{where} has no such system; {suggestion(name, known)}")
    return holders


def labelled(place: OnKafka, windows: Sequence[Window], settings: Settings, show: Show) -> Source:
    """A source of windows that ingest workers cut, and of a file of labels; windows without a label are left out.

    :raises DataError: the file cannot be read, or no window has a label.
    """
    with local_file(place.labels) as path:
        anomalous = read_label_file(path)
    kept = [window for window in windows if window.session in anomalous]
    where = masked_url(place.labels)
    if not kept:
        raise DataError(
            where, f"none of its {len(anomalous):,} ids is a session of the {len(windows):,} windows of {place.system}",
            "its ids must be session keys as the window topics have them, and an ingest worker must read the system",
        )  # fmt: skip
    sessions = {window.session for window in kept}
    show(
        f"source {place.system}, {len(sessions):,} sessions of Kafka; left out: {len(windows) - len(kept):,} windows "
        f"without a label and {len(anomalous.keys() - sessions):,} labels without a window"
    )
    labels = {session: anomalous[session] for session in sessions}
    return Source(place.system, kept, labels, settings.systems.get(place.system, SystemSettings()))
