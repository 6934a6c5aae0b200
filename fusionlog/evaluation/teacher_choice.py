"""Choice of the teacher of a task: a configured endpoint, else recorded verdicts, else the offline labeller."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from fusionlog.errors import MissingExtraError
from fusionlog.records import BankEvent, LogisticRegression
from fusionlog.settings import SecretUrl, Settings
from fusionlog.teachers.base import Teacher
from fusionlog.teachers.factory import make_teacher
from fusionlog.teachers.recorded.chat import RecordedTeacher, Stats
from fusionlog.teachers.recorded.recordings import read_recordings
from fusionlog.types import Encode

VERDICTS = "verdicts.jsonl"
RECORDED, OFFLINE = "recorded", "offline"


@dataclass(frozen=True)
class TeacherChoice:
    """The choice of a teacher: its name, and the settings that make one. Each run makes its own, without labels.

    `stats` are the counts of a recorded one.
    """

    name: str
    settings: Settings
    stats: Stats | None = None

    def teacher(
        self, known: Sequence[BankEvent], encode: Encode, regression: LogisticRegression | None = None
    ) -> Teacher:
        """A new teacher.

        :param known: the sources' events, for the offline labeller. :param regression: its regression, if fitted.
        """
        return make_teacher(self.settings, known, encode, regression)


def kind(settings: Settings, directory: Path, target: str, offline: bool = False, verdicts: str = VERDICTS) -> str:
    """The teacher of a target by name: `llm:<model>`, `recorded` or `offline`. No figure mixes them.

    :param verdicts: the name of the file of recorded verdicts in a system's directory.
    """
    if offline:
        return OFFLINE
    if settings.label.url is not None:
        return f"llm:{settings.label.model}"
    return RECORDED if (directory / target / verdicts).is_file() else OFFLINE


@asynccontextmanager
async def chosen_teacher(
    settings: Settings,
    directory: Path,
    target: str,
    offline: bool = False,
    sources: Sequence[str] = (),
    verdicts: str = VERDICTS,
) -> AsyncIterator[TeacherChoice]:
    """The teacher of a target; recorded verdicts are served by HTTP on loopback, as a language model's would be.

    :param offline: use the offline labeller in any case.
    :param sources: systems that it may be queried about as well, as far as verdicts on them were recorded.
    :param verdicts: the name of the file of recorded verdicts in a system's directory.
    :raises DataError: the recorded verdicts cannot be read.
    """
    name = kind(settings, directory, target, offline, verdicts)
    if name != RECORDED:
        without_endpoint = settings.model_copy(update={"label": settings.label.model_copy(update={"url": None})})
        yield TeacherChoice(name, without_endpoint if name == OFFLINE else settings)
        return
    try:
        from fusionlog.teachers.recorded.server import InjectedFaults, serving
    except ModuleNotFoundError as error:
        raise MissingExtraError(error.name or "aiohttp", "agents", "recorded verdicts") from error
    files = [directory / system / verdicts for system in dict.fromkeys((target, *sources))]
    replay = RecordedTeacher(read_recordings(path for path in files if path.is_file()))
    async with serving(replay, InjectedFaults(), "127.0.0.1", 0) as url:
        label = settings.label.model_copy(
            update={"url": SecretUrl(url), "model": RECORDED, "api_key": None, "pseudonyms": False}
        )
        yield TeacherChoice(name, settings.model_copy(update={"label": label}), replay.stats)
