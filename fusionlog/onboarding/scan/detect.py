"""The detection of a scan: records to windows by the parts of an ingest worker, windows to anomalies by a teacher.

Without a language model the teacher is the offline one, over the base release of the package, under the method
`offline`. With one it is the default method: the stream of `fusionlog evaluate`, with the base's small model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from fusionlog.decision import is_anomalous
from fusionlog.embedding.encoder import NamedEncode
from fusionlog.methods.stream import Stream, StreamClock
from fusionlog.methods.stream_target import StreamTarget
from fusionlog.novelty.profile import SystemProfile
from fusionlog.onboarding.check import Found, check
from fusionlog.onboarding.opened import open_records
from fusionlog.onboarding.propose import Proposal, propose
from fusionlog.onboarding.sample import SampleRecord
from fusionlog.parsing.times import EARLIEST, LATEST
from fusionlog.records import Anomaly, ModelRelease, Seconds, Window
from fusionlog.settings import IngestSettings, Settings, SystemSettings
from fusionlog.teachers.base import Teacher, label_of
from fusionlog.teachers.offline.in_order import OrderedVerdict, VerdictsInOrder
from fusionlog.teachers.offline.teacher import OfflineTeacher
from fusionlog.teachers.unusual import unusual_by
from fusionlog.types import Encode, FloatArray
from fusionlog.workers import anomaly_record
from fusionlog.workers.anomaly_description import Describer

NO_TIME: Seconds = EARLIEST
"""The time at which lines come, where none of them has one."""


@dataclass(frozen=True)
class Scanned:
    """What a scan found: the proposal, what the ingest worker's parts made of the lines, and the anomalies in order.

    `timed` is whether the times are those of lines, envelopes or Kafka.
    """

    proposal: Proposal
    found: Found
    anomalies: list[Anomaly]
    timed: bool

    @property
    def windows(self) -> list[Window]:
        """All windows, in the order in which they got their verdicts."""
        return in_order(self.found.windows)


def read(name: str, records: Sequence[SampleRecord], ingest: IngestSettings) -> tuple[Proposal, Found, bool]:
    """The proposed settings of records that nobody described, what the ingest worker's parts make of them under these,
    and whether they have times.

    :param name: of the system, for its windows.
    """
    proposal = propose(records, ingest)
    latest = _latest(records, proposal.system, ingest)
    return proposal, check(name, proposal.system, ingest, records, latest or NO_TIME), latest is not None


def scan(
    name: str, records: Sequence[SampleRecord], ingest: IngestSettings, base: ModelRelease, encode: Encode,
    vectors: FloatArray | None = None,
) -> Scanned:  # fmt: skip
    """Scan records without a language model. Equal records give an equal result.

    :param base: the release with the sources' events and the offline teacher's regression.
    :param encode: texts to unit vectors, by the encoder of `base`.
    :param vectors: those of the words of its bank, where they were computed before.
    """
    proposal, found, timed = read(name, records, ingest)
    teacher = OfflineTeacher(base.bank, encode, base.offline_teacher, vectors)
    return Scanned(proposal, found, anomalies(in_order(found.windows), teacher, proposal.system), timed)


async def scan_with_llm(
    name: str, records: Sequence[SampleRecord], settings: Settings, base: ModelRelease, encode: NamedEncode,
    teacher: Teacher,
) -> Scanned:  # fmt: skip
    """Scan records with a language model, which labels proprietary windows and gives second opinions.

    :raises TeacherError: it could label none of several windows.
    """
    proposal, found, timed = read(name, records, settings.ingest)
    windows = in_order(found.windows)
    target = StreamTarget(name, proposal.system, settings, encode, teacher)
    target.adopt(base)
    clock = StreamClock(settings.label.units_per_call, settings.evaluate.max_wait_windows)
    verdicts = (await Stream(target, windows, clock).run()).last
    pairs = [(windows[place], verdicts[place]) for place in sorted(verdicts)]
    made = [(window, anomaly_record.of_verdict(window, verdict, window.ended)) for window, verdict in pairs]
    anomalous = [(window, anomaly) for window, anomaly in made if anomaly is not None]
    return Scanned(proposal, found, described(anomalous, _profile(windows), proposal.system), timed)


def in_order(windows: Sequence[Window]) -> list[Window]:
    """Windows by the time of their last line; those of one time as they were cut."""
    return sorted(windows, key=lambda window: window.ended)


def anomalies(windows: Sequence[Window], teacher: OfflineTeacher, system: SystemSettings) -> list[Anomaly]:
    """The final anomalies among the windows of one system, in their order."""
    verdicts = VerdictsInOrder(teacher)
    taken = [*verdicts.take(windows), *(each for window in windows[:1] for each in verdicts.finish(window.system))]
    final = {each.window.id: each for each in taken if not each.provisional}
    found = [final[window.id] for window in windows if window.id in final]
    anomalous = [(each.window, _anomaly(each, teacher)) for each in found if is_anomalous(each.verdict.probability)]
    return described(anomalous, _profile(windows), system)


def described(found: Sequence[tuple[Window, Anomaly]], profile: SystemProfile, system: SystemSettings) -> list[Anomaly]:
    """The anomalies of windows, each beside what is usual by a profile in which all windows were counted."""
    describer = Describer(system)
    return [
        replace(describer.describe(anomaly, window, profile), unusual=unusual_by(window, profile))
        for window, anomaly in found
    ]


def _profile(windows: Sequence[Window]) -> SystemProfile:
    profile = SystemProfile()
    for window in windows:
        profile.update(window)
    return profile


def _anomaly(found: OrderedVerdict, teacher: OfflineTeacher) -> Anomaly:
    """The record of an anomalous window, detected when it ended."""
    window = found.window
    return anomaly_record.by_teacher(window, label_of(window, found.verdict, teacher.name, window.ended), window.ended)


def _latest(records: Sequence[SampleRecord], system: SystemSettings, ingest: IngestSettings) -> Seconds | None:
    """The latest time that a record, an envelope or a line has; None where none has one."""
    times = [record.timestamp / 1000 for record in records]
    known = [each for each in times if EARLIEST <= each < LATEST]
    if not known:
        known = [line.time for line in open_records(records, system, ingest)[0] if line.time is not None]
    return max(known, default=None)
