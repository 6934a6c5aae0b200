"""The Python API: read systems, parse lines, cut windows, load a release, route and score.

It calls what the workers and `fusionlog evaluate` call, on files instead of Kafka. It needs `fusionlog[agents]`. From
lines to scores under the bundled release:

>>> import fusionlog
>>> shop = fusionlog.SystemSettings(session=r"s=(\\w+)", window=fusionlog.WindowSettings(by="session"))
>>> lines = [
...     "2026-01-31 12:00:01 s=a1 connection from 10.0.0.7 accepted",
...     "2026-01-31 12:00:02 s=a1 could not write block 17: No space left on device",
...     "2026-01-31 12:00:04 s=b2 connection from 10.0.0.8 accepted",
... ]
>>> windows = fusionlog.cut_windows(fusionlog.parse_lines(lines, "shop", shop), "shop", shop)
>>> detector = fusionlog.AnomalyDetector("shop", fusionlog.load_release())
>>> for found in detector.score(windows):
...     print(found.window.session, found.route.kind, f"{found.probability:.1f}", found.anomalous)
a1 proprietary 0... ...
b2 ...
"""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import structlog

from fusionlog import releases, settings
from fusionlog.bundled.base import read_base
from fusionlog.data.bundled import DATASETS
from fusionlog.data.systems import joined_lines, read_stream
from fusionlog.data.timestamps import line_times
from fusionlog.embedding.encoder import NamedEncode, load_encoder
from fusionlog.errors import ModelError, RecordError
from fusionlog.online.decisions import BATCH_WINDOWS, SystemState, decide, verdicts
from fusionlog.online.knowledge import Knowledge
from fusionlog.online.question_texts import Question, question_texts, questions_without_release
from fusionlog.online.scorer import Score, Scorer
from fusionlog.online.verdict import Verdict, is_anomalous
from fusionlog.parsing.parser import Event, Parser
from fusionlog.parsing.times import EARLIEST, LineClock
from fusionlog.parsing.windows import Windower
from fusionlog.records import ModelRelease, Route, Window
from fusionlog.rules import RULES
from fusionlog.settings import IngestSettings, Settings, SystemSettings, WindowSettings

__all__ = [
    "AnomalyDetector",
    "Event",
    "ModelRelease",
    "Question",
    "ScoredWindow",
    "Settings",
    "SystemSettings",
    "Window",
    "WindowSettings",
    "bundled_data",
    "cut_windows",
    "fetch_release",
    "load_release",
    "parse_lines",
    "read_lines",
    "read_systems",
    "teacher_questions",
]

NO_KEY = "no-session-key"
"""The reason of a line without a session key, in a system whose windows are sessions: it belongs to no window."""


if not structlog.is_configured():  # in a program that has its own logs, they stay as they are
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


def bundled_data() -> Path:
    """The directory of the bundled systems: `systems.yaml`, and for each system its lines, sessions and labels.

    >>> from fusionlog import bundled_data
    >>> (bundled_data() / "systems.yaml").is_file()
    True
    """
    return DATASETS


def read_systems(file: Path | str) -> dict[str, SystemSettings]:
    """The systems of a YAML file, as `FUSIONLOG_SYSTEMS_FILE` names one, by their names.

    :raises SettingError: the file cannot be read, or a value in it is wrong.

    >>> from fusionlog import bundled_data, read_systems
    >>> kafka = read_systems(bundled_data() / "systems.yaml")["kafka"]
    >>> kafka.window.by, kafka.window.size
    ('count', 20)
    """
    return settings.read_systems(Path(file))


def read_lines(directory: Path | str, name: str) -> list[str]:
    """The lines of a system in a data directory, in the order they were written, without line breaks.

    :raises DataError: the directory does not have them.

    >>> from fusionlog import bundled_data, read_lines
    >>> len(read_lines(bundled_data(), "postfix"))
    11302
    """
    return list(read_stream(Path(directory), name))


def parse_lines(
    lines: Iterable[str], name: str, system: SystemSettings, ingest: IngestSettings | None = None
) -> list[Event]:
    """The event of each line, in order: a template and its id, the session key, and the line.

    Lines are bare: the ingest worker opens shippers' envelopes. A blank line is left out, and a line that continues the
    one before it, such as a frame of a stack trace, is part of that one's event. Templates are those found up
    to the line, so equal lines may have another event later. Equal lines in equal order have equal events everywhere.

    :param ingest: settings of parsing; default: those of the environment.

    >>> from fusionlog import SystemSettings, parse_lines
    >>> events = parse_lines(["disk 7 is full", "disk 9 is full"], "shop", SystemSettings())
    >>> [event.text for event in events]
    ['disk <NUM> is full', 'disk <NUM> is full']
    """
    ingest = settings.load().ingest if ingest is None else ingest
    parser = Parser(name, system, ingest)
    texts = [line for line in lines if line and not line.isspace()]
    return [parser.parse(line.text) for line in joined_lines(texts, 0, system, ingest, parser)]


def cut_windows(
    events: Sequence[Event], name: str, system: SystemSettings, times: Sequence[float] | None = None
) -> list[Window]:
    """The windows of events: sessions by key, or a fixed number of lines (`SystemSettings.window`), as they close.

    Where windows are sessions, a line without a session key is in no window, by the rule of the ingest worker.
    `first_offset` and `last_offset` count the events from 0. Pauses are measured by the times that the lines have where
    the system's `time_field` is in their header.

    :param times: of the events, Unix seconds `[events]`; default: the lines' timestamps, else 0.1 s apart.

    >>> from fusionlog import SystemSettings, WindowSettings, cut_windows, parse_lines
    >>> pairs = SystemSettings(window=WindowSettings(by="count", size=2))
    >>> windows = cut_windows(parse_lines(["up 1", "up 2", "down 1"], "shop", pairs), "shop", pairs)
    >>> [(window.first_offset, window.last_offset, window.closed_by) for window in windows]
    [(0, 1, 'count'), (2, 2, 'silence')]
    """
    windower, cut = Windower(name, system.window, topic=f"file.{name}", partition=0), list[Window]()
    clock = line_times([event.line for event in events]) if times is None else times
    own = LineClock(system)
    for offset, (event, time) in enumerate(zip(events, clock, strict=True)):
        stated = None if event.stamp is None else own.read(event.stamp, time if time >= EARLIEST else None)
        try:
            cut += windower.add(event, (offset, 0), time, stated=stated)
        except RecordError as error:
            if error.reason != NO_KEY:
                raise
    return cut + windower.flush()


def load_release(file: Path | str | None = None) -> ModelRelease:
    """A release from a file that `fusionlog models save` wrote; without a file the bundled base release.

    A file's must be signed where `FUSIONLOG_SIGNING__PUBLIC_KEYS` is set; the bundled base is known by its digest.

    :raises ModelError: the file cannot be read, its digest is another, or it is not signed with one of these keys.

    >>> from fusionlog import load_release
    >>> base = load_release()
    >>> base.system, base.lineage.sources
    ('*', ['kafka', 'postfix', 'postgresql', 'rabbitmq'])
    """
    if file is None:
        return read_base()
    release = releases.read_release(Path(file))
    releases.verify(release, settings.load().signatures)
    return release


def fetch_release(name: str, config: Settings | None = None) -> ModelRelease:
    """The release that a system's workers use: its newest on the model topic, else the newest base there.

    Of those that verify: unaltered, and signed where `FUSIONLOG_SIGNING__PUBLIC_KEYS` is set. May be called from a
    running event loop, which it blocks.

    :param config: default: the environment's settings.
    :raises BrokerError: Kafka does not answer, or the topic is missing.
    :raises ModelError: there is no such release.

    >>> from fusionlog import Settings, fetch_release
    >>> fetch_release("shop", Settings(kafka={"bootstrap_servers": "127.0.0.1:1"}))
    Traceback (most recent call last):
    ...
    fusionlog.errors.BrokerAwayError: Kafka at 127.0.0.1:1 failed at reading fusionlog.models: ...
    """
    from ray_jobs.publish import read_parent

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, read_parent(config or settings.load(), name)).result()


def teacher_questions(
    windows: Iterable[Window], name: str, system: SystemSettings, config: Settings | None = None
) -> list[Question]:
    """The question on each window as a language model is sent it, word for word; nobody is asked.

    The label worker makes the same of windows in this order while the system has no release and no label; it asks
    about the first window of a shape alone.

    :param config: default: the environment's settings.

    >>> from fusionlog import SystemSettings, cut_windows, parse_lines, teacher_questions
    >>> shop = SystemSettings(policy="alert on lost orders")
    >>> windows = cut_windows(parse_lines(["order 17 of a@b.example lost"], "shop", shop), "shop", shop)
    >>> [question] = teacher_questions(windows, "shop", shop)
    >>> print(question.messages[-1]["content"])
    Sessions to judge:
    [{"system":"shop","task":"label","events":[{"id":1,"text":"order 17 of user-1@b.example lost","count":1}]}]
    """
    label = (config or settings.load()).label
    return list(question_texts(windows, questions_without_release(name, system, label)))


class ScoredWindow(NamedTuple):
    """A routed window and the release's verdict on it.

    `probability` is that of an anomaly, 0 to 1; `events` has that of each event by its template's id.
    """

    window: Window
    route: Route
    probability: float
    anomalous: bool
    events: dict[str, float]


class AnomalyDetector:
    """Routes and scores the windows of one system under a release, as score workers do. For one thread at a time.

    :param name: of the system, as in its windows.
    :param release: of `load_release` or `fetch_release`, which check its signature; its digest is checked again.
    :param config: default: the environment's settings.
    :param encode: the encoder; default: that of the settings, made at first use, which takes seconds.
    :raises ModelError: the release is altered, of another encoder or system, or the bundled base, and the system has
        the name of one of its sources.

    >>> from fusionlog import AnomalyDetector, load_release
    >>> AnomalyDetector("postfix", load_release())
    Traceback (most recent call last):
    ...
    fusionlog.errors.ModelError: release ... was trained on labels of postfix, ...
    """

    def __init__(
        self, name: str, release: ModelRelease, config: Settings | None = None, encode: NamedEncode | None = None
    ) -> None:
        config = config or settings.load()
        encode = encode or load_encoder(config)
        scorer = Scorer(config.score)
        self._knowledge = Knowledge(name, encode, check=scorer.check, rules=RULES[config.method])
        self._state = SystemState.of(self._knowledge, scorer, config.second_opinion)
        if not self._knowledge.adopt(release):
            raise ModelError(
                f"release {release.version} is of system {release.system}, and {name} by method {config.method} uses "
                "another: take a release of this system, or a base"
            )

    def route(self, windows: Iterable[Window]) -> list[Window]:
        """The windows with their routes: `general` where every event is similar to a known one, else `proprietary`.

        >>> from fusionlog import AnomalyDetector, SystemSettings, cut_windows, load_release, parse_lines
        >>> windows = cut_windows(parse_lines(["the moon is full"], "shop", SystemSettings()), "shop", SystemSettings())
        >>> [routed] = AnomalyDetector("shop", load_release()).route(windows)
        >>> routed.route.kind, routed.route.least_similar_event
        ('proprietary', 'the moon is full')
        """
        return [self._knowledge.route(window) for window in windows]

    def score(self, windows: Iterable[Window]) -> list[ScoredWindow]:
        """The verdict of the release on each window, in order; windows of both routes are scored.

        They come in batches, as in `fusionlog evaluate`. General ones are decided as by the score worker, and counted
        into the system's profile. Proprietary ones get the release's verdict for want of a teacher's and do not count.

        :raises ModelError: the model does not run.

        >>> from fusionlog import AnomalyDetector, SystemSettings, cut_windows, load_release, parse_lines
        >>> windows = cut_windows(parse_lines(["the moon is full"], "shop", SystemSettings()), "shop", SystemSettings())
        >>> [found] = AnomalyDetector("shop", load_release()).score(windows)
        >>> 0 <= found.probability <= 1, len(found.events)
        (True, 1)
        """
        given = list(windows)
        batches = [given[start : start + BATCH_WINDOWS] for start in range(0, len(given), BATCH_WINDOWS)]
        return [found for batch in batches for found in self._score(self.route(batch))]

    def _score(self, routed: Sequence[Window]) -> list[ScoredWindow]:
        """The verdicts on windows that arrive together."""
        general = [place for place, window in enumerate(routed) if _route(window).kind == "general"]
        decided = decide([routed[place] for place in general], self._state, may_refer=False).settled if general else []
        found: dict[int, Verdict] = {general[number]: verdict for number, verdict in decided}
        rest = [place for place in range(len(routed)) if place not in found]
        found |= zip(rest, verdicts([routed[place] for place in rest], self._state), strict=True)
        return [_scored(window, found[place]) for place, window in enumerate(routed)]


def _route(window: Window) -> Route:
    assert window.route is not None
    return window.route


def _scored(window: Window, verdict: Verdict) -> ScoredWindow:
    events = verdict.events if isinstance(verdict, Score) else {}
    return ScoredWindow(window, _route(window), verdict.probability, is_anomalous(verdict), events)
