"""The scorer: windows to scores of the small model, cached by content, the rest run in batches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import cast

import structlog
from msgspec import Struct
from msgspec.structs import replace

from fusionlog.detector.batch import Batch, BatchBuffer
from fusionlog.detector.onnx_session import Detector, deadline
from fusionlog.detector.sequence import ORDERED, cache_keys
from fusionlog.errors import ModelError, ReleaseError
from fusionlog.novelty.features import NoveltyFeatures
from fusionlog.novelty.profile import SystemProfile
from fusionlog.online.description import ContentKey, Description
from fusionlog.online.knowledge import Knowledge
from fusionlog.records import ModelRelease, Window
from fusionlog.settings import ScoreSettings
from fusionlog.types import FloatArray
from fusionlog.utils.bounded_cache import BoundedCache
from fusionlog.utils.onnx import Device

log = structlog.get_logger(__name__)


class Score(Struct, frozen=True):
    """A release's verdict on a window. `events` are the probabilities of the window's events, by template.

    `novelty` are the features of the window, where they are part of the score.
    """

    probability: float
    threshold: float
    events: dict[str, float]
    version: str
    cached: bool
    novelty: NoveltyFeatures | None = None

    @property
    def anomalous(self) -> bool:
        """Whether the probability reaches the threshold."""
        return self.probability >= self.threshold


class LoadedModel:
    """A release's model with two caches of scores: by content, and, until a label changes, by window shape."""

    def __init__(self, release: ModelRelease, settings: ScoreSettings) -> None:
        self.detector = Detector(release.onnx, settings.provider, settings.threads)
        self.version, self.threshold, self.network = release.version, release.threshold, release.detector
        self.cache: BoundedCache[ContentKey, Score] = BoundedCache(settings.cache_entries)
        self._entries, self._changes = settings.cache_entries, -1
        self._recent: BoundedCache[str, Score] = BoundedCache(settings.cache_entries)

    def recent(self, changes: int) -> BoundedCache[str, Score]:
        """Scores by `cache_key` a window. They hold as long as `Knowledge.changes` is the same."""
        if changes != self._changes:
            self._changes, self._recent = changes, BoundedCache(self._entries)
        return self._recent


class Scorer:
    """Scores windows of any system; models are loaded when the first window needs them. For one thread at a time."""

    def __init__(self, settings: ScoreSettings) -> None:
        self._settings = settings
        self._models: dict[tuple[str, str], LoadedModel] = {}
        self._buffer = BatchBuffer()

    def check(self, release: ModelRelease) -> None:
        """Check that the model and the profile of a release can be loaded, before the release is taken into use.

        :raises ModelError: it does not load, or its profile cannot be read.
        """
        Detector(release.onnx, "cpu", self._settings.threads)
        if release.profile:
            SystemProfile.unpack(release.profile)

    @property
    def provider(self) -> Device | None:
        """The provider that models run on, `cpu` where one of them does; None where none is loaded yet."""
        found = {model.detector.provider for model in list(self._models.values())}
        return "cpu" if "cpu" in found else next(iter(found), None)

    def load(self, knowledge: Knowledge) -> None:
        """Load the model in use before the first window comes.

        :raises ModelError: the system has no release yet, or its model does not load.
        """
        self._loaded(knowledge, knowledge.version_in_use)

    def score(self, windows: Sequence[Window], knowledge: Knowledge) -> list[Score]:
        """The scores of windows of one system, in order, each under the release that routed the window.

        :raises ModelError: the system has no release yet, or a model does not load.
        :raises ReleaseError: the model of a release failed on a batch, or took too long.
        """
        routed_by = {window.route.model if window.route else None for window in windows}
        if len(routed_by) == 1:
            return self._score(windows, knowledge, self._loaded(knowledge, knowledge.versions_of(windows[:1])[0]))
        versions, scores = knowledge.versions_of(windows), dict[int, Score]()
        for version in dict.fromkeys(versions):
            places = [place for place, each in enumerate(versions) if each == version]
            found = self._score([windows[place] for place in places], knowledge, self._loaded(knowledge, version))
            scores |= zip(places, found, strict=True)
        return [scores[place] for place in range(len(windows))]

    def score_under(self, version: str, windows: Sequence[Window], knowledge: Knowledge) -> list[Score]:
        """The scores of one release, whichever routed the windows.

        :raises ModelError: it is not kept, or its model does not load.
        :raises ReleaseError: its model failed on a batch, or took too long.
        """
        return self._score(windows, knowledge, self._loaded(knowledge, version))

    def _score(self, windows: Sequence[Window], knowledge: Knowledge, model: LoadedModel) -> list[Score]:
        """The scores of one release: for most windows a cache look-up."""
        seen = model.recent(knowledge.changes)
        keys = cache_keys(windows, model.network)
        scores = seen.get_all(keys)
        if None not in scores:
            return cast("list[Score]", scores)
        places: dict[str, int] = {}
        for place, score in enumerate(scores):
            if score is None:
                places.setdefault(keys[place], place)
        scored = self._score_new([windows[place] for place in places.values()], knowledge, model)
        known: dict[str, Score] = {}
        for key, score in zip(places, scored, strict=True):
            known[key] = replace(score, cached=True)
            seen.put(key, known[key])
            scores[places[key]] = score
        return [known[key] if score is None else score for key, score in zip(keys, scores, strict=True)]

    def _score_new(self, windows: Sequence[Window], knowledge: Knowledge, model: LoadedModel) -> list[Score]:
        """The scores of windows whose shape is not cached since the last label, each content once."""
        described = knowledge.describe(windows, model.version)
        known = {key: model.cache.get(key) for key in described.keys}
        fresh = {key: place for place, key in enumerate(described.keys) if known[key] is None}
        scores = {key: score for key, score in known.items() if score is not None}
        scores |= self._run_model(model, fresh, windows, described)
        return [replace(scores[key], cached=fresh.pop(key, None) is None) for key in described.keys]

    def _run_model(
        self, model: LoadedModel, fresh: dict[ContentKey, int], windows: Sequence[Window], described: Description
    ) -> dict[ContentKey, Score]:
        """The model's scores of uncached contents, by the place of a window that has each."""
        scores: dict[ContentKey, Score] = {}
        for chunk in self._chunks(fresh, windows, model.network in ORDERED):
            batch = described.batch([place for _, place in chunk], self._buffer)
            probabilities, events = self._run(model, batch)
            rows = zip(chunk, probabilities.tolist(), events.tolist(), strict=True)
            for (key, place), probability, row in rows:
                by_template = dict(zip([event.template for event in windows[place].events], row, strict=False))
                scores[key] = Score(probability, model.threshold, by_template, model.version, cached=False)
                model.cache.put(key, scores[key])
        return scores

    def _run(self, model: LoadedModel, batch: Batch) -> tuple[FloatArray, FloatArray]:
        """The probabilities of a batch, within `FUSIONLOG_SCORE__TIMEOUT`."""
        try:
            with deadline(self._settings.timeout) as options:
                return model.detector.score(batch, options)
        except ModelError as error:
            raise ReleaseError(model.version, str(error)) from error

    def _chunks(
        self, fresh: dict[ContentKey, int], windows: Sequence[Window], by_line: bool
    ) -> Iterator[list[tuple[ContentKey, int]]]:
        """Batches of windows with similar numbers of events, or of lines, so that little of a batch is padding."""

        def size(item: tuple[ContentKey, int]) -> int:
            window = windows[item[1]]
            return len(window.sequence if by_line else window.events)

        ordered = sorted(fresh.items(), key=size)
        for start in range(0, len(ordered), self._settings.batch_windows):
            yield ordered[start : start + self._settings.batch_windows]

    def _loaded(self, knowledge: Knowledge, version: str) -> LoadedModel:
        """The release's model, loaded at first use; models of releases that are no longer kept are dropped."""
        key = (knowledge.system, version)
        if key not in self._models:
            model = LoadedModel(knowledge.release(version), self._settings)
            log.info("model loaded", system=knowledge.system, version=version, provider=model.detector.provider)
            left = [other for other in self._models if other[0] == key[0] and other[1] not in knowledge.versions]
            for other in left:
                del self._models[other]
            self._models[key] = model
        return self._models[key]
