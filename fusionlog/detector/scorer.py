"""Windows to verdicts: what was seen before is remembered, the rest is scored in batches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import structlog

from fusionlog.detector.order import ORDERED
from fusionlog.detector.session import Detector
from fusionlog.knowledge import Content, Knowledge
from fusionlog.parsing.memo import Memo
from fusionlog.records import ModelRelease, Window
from fusionlog.settings import ScoreSettings

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Score:
    """A release's verdict on a window. `events` are the probabilities of the window's events, in their order."""

    probability: float
    threshold: float
    events: list[float]
    version: str
    remembered: bool

    @property
    def anomalous(self) -> bool:
        """Whether the probability reaches the threshold."""
        return self.probability >= self.threshold


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a model said of a content; `events` by template, for windows of one content differ in their order."""

    probability: float
    events: dict[str, float]


@dataclass(frozen=True)
class Running:
    """A release's model, its threshold and what it said."""

    detector: Detector
    threshold: float
    memo: Memo[Content, Verdict] = field(repr=False)


class Scorer:
    """Scores windows of any system; models are loaded when the first window needs them. For one thread at a time."""

    def __init__(self, settings: ScoreSettings) -> None:
        self._settings = settings
        self._running: dict[tuple[str, str], Running] = {}

    def check(self, release: ModelRelease) -> None:
        """Try a release's model, as `Knowledge` asks before it takes one into use.

        :raises ModelError: it does not load.
        """
        Detector(release.onnx, "cpu", self._settings.threads)

    def score(self, windows: Sequence[Window], knowledge: Knowledge) -> list[Score]:
        """The verdicts on windows of one system, in their order, each under the release that routed the window.

        :raises ModelError: the system has no release yet, or the model does not load or run.
        """
        versions = [knowledge.version_of(window) for window in windows]
        scores: dict[int, Score] = {}
        for version in dict.fromkeys(versions):
            places = [place for place, each in enumerate(versions) if each == version]
            found = self._score([windows[place] for place in places], knowledge, version)
            scores |= dict(zip(places, found, strict=True))
        return [scores[place] for place in range(len(windows))]

    def _score(self, windows: Sequence[Window], knowledge: Knowledge, version: str) -> list[Score]:
        """The verdicts of one release."""
        running = self._run(knowledge, version)
        contents = [knowledge.content(window, version) for window in windows]
        known = {content: running.memo.get(content) for content in contents}
        verdicts = {content: verdict for content, verdict in known.items() if verdict is not None}
        fresh = {content: window for content, window in zip(contents, windows, strict=True) if content not in verdicts}
        verdicts |= self._ask(running, fresh, knowledge, version)
        scores = []
        for content, window in zip(contents, windows, strict=True):
            verdict, new = verdicts[content], fresh.pop(content, None)
            events = [verdict.events[event.template] for event in window.events]
            scores.append(Score(verdict.probability, running.threshold, events, version, remembered=new is None))
        return scores

    def _ask(
        self, running: Running, fresh: dict[Content, Window], knowledge: Knowledge, version: str
    ) -> dict[Content, Verdict]:
        """The model's verdicts on contents that are not remembered, by windows that have them."""
        verdicts: dict[Content, Verdict] = {}
        by_line = knowledge.release(version).detector in ORDERED
        for chunk in self._chunks(fresh, by_line):
            probabilities, events = running.detector.score(knowledge.inputs([window for _, window in chunk], version))
            for (content, window), probability, row in zip(chunk, probabilities, events, strict=True):
                templates = [event.template for event in window.events]
                by_template = dict(zip(templates, row.tolist(), strict=False))
                verdicts[content] = Verdict(float(probability), by_template)
                running.memo.put(content, verdicts[content])
        return verdicts

    def _chunks(self, fresh: dict[Content, Window], by_line: bool) -> Iterator[list[tuple[Content, Window]]]:
        """Batches of windows with like numbers of events, or of lines, so that little of a batch is padding."""
        ordered = sorted(fresh.items(), key=lambda item: len(item[1].sequence if by_line else item[1].events))
        for start in range(0, len(ordered), self._settings.batch_windows):
            yield ordered[start : start + self._settings.batch_windows]

    def _run(self, knowledge: Knowledge, version: str) -> Running:
        """The release's model, loaded now where it is not; models that the system has left behind go."""
        key = (knowledge.system, version)
        if key not in self._running:
            release = knowledge.release(version)
            detector = Detector(release.onnx, self._settings.provider, self._settings.threads)
            log.info("model loaded", system=knowledge.system, version=version, provider=detector.provider)
            left = [other for other in self._running if other[0] == key[0] and other[1] not in knowledge.versions]
            for other in left:
                del self._running[other]
            self._running[key] = Running(detector, release.threshold, Memo(self._settings.memo_entries))
        return self._running[key]
