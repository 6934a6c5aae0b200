from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

from fusionlog import releases
from fusionlog.detector.batch import Batch
from fusionlog.detector.onnx_session import Detector
from fusionlog.errors import ModelError, SettingError
from fusionlog.online.knowledge import Knowledge
from fusionlog.online.scorer import Scorer
from fusionlog.records import ModelRelease, template_id
from fusionlog.settings import ScoreSettings
from tests.cuda import FakeCuda, fake_cuda
from tests.detector.graphs import make_onnx
from tests.encoders import WordEncoder
from tests.factories import make_label, make_release, make_window

__all__ = ["fake_cuda"]

WORDS = ("failed", "full", "opened")
"""The first decides: the tests' model takes a vector's first component as the event's probability."""


def release(scale: float = 1.0, **fields: Any) -> ModelRelease:
    bank = (("disk failed", 1.0), ("disk opened", 0.0))
    vectors = releases.pack_vectors(WordEncoder(*WORDS)([text for text, _ in bank]))
    return releases.sign(make_release(*bank, onnx=make_onnx(scale), **{"vectors": vectors, **fields}), None)


def knowing(*adopted: ModelRelease) -> Knowledge:
    knowledge = Knowledge("shop", WordEncoder(*WORDS))
    for each in adopted or (release(),):
        knowledge.adopt(each)
    return knowledge


@pytest.fixture
def scored(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, ...]]:
    """How many windows, and events at most, each call of a model had."""
    sizes: list[tuple[int, ...]] = []
    score = Detector.score

    def count(self: Detector, batch: Batch, options: object) -> tuple[np.ndarray, np.ndarray]:
        sizes.append(batch.counts.shape)
        return score(self, batch, options)

    monkeypatch.setattr(Detector, "score", count)
    return sizes


def by_template(**probabilities: float) -> dict[str, float]:
    return {template_id(f"disk {word}"): value for word, value in probabilities.items()}


def make_scorer(**fields: Any) -> Scorer:
    return Scorer(ScoreSettings(provider="cpu", **fields))


def test_windows_get_the_models_verdict_in_their_order() -> None:
    windows = [make_window("disk opened", "disk failed", "<NUM>"), make_window("disk opened")]
    scores = make_scorer().score(windows, knowing())
    assert [score.probability for score in scores] == [1.0, 0.0]
    assert [list(score.events.values()) for score in scores] == [[0.0, 1.0, 0.0], [0.0]]
    assert [score.anomalous for score in scores] == [True, False]
    assert scores[0].threshold == 0.5
    assert scores[0].version == release().version


def test_a_verdict_is_remembered_by_shape_whatever_the_order_of_events(scored: list[tuple[int, ...]]) -> None:
    scorer, knowledge = make_scorer(), knowing()
    (first,) = scorer.score([make_window("disk failed", "disk opened")], knowledge)
    (again,) = scorer.score([make_window("disk opened", "disk failed", session="s2")], knowledge)
    assert scored == [(1, 2)]
    assert (first.cached, again.cached) == (False, True)
    assert first.events == again.events == by_template(failed=1.0, opened=0.0)


def test_where_order_matters_a_verdict_is_remembered_by_sequence(scored: list[tuple[int, ...]]) -> None:
    scorer, knowledge = make_scorer(), knowing(release(detector="gru"))
    one, other = make_window("disk failed", "disk opened"), make_window("disk opened", "disk failed", session="s2")
    (first,) = scorer.score([one], knowledge)
    (swapped, again) = scorer.score([other, replace(one, session="s3")], knowledge)
    assert scored == [(1, 2), (1, 2)]
    assert (first.cached, swapped.cached, again.cached) == (False, False, True)
    assert first.events == swapped.events == again.events == by_template(failed=1.0, opened=0.0)


def test_where_order_matters_an_event_of_many_lines_has_one_probability() -> None:
    lines = ("disk opened", "disk failed", "disk opened", "disk failed")
    (score,) = make_scorer().score([make_window(*lines)], knowing(release(detector="gru")))
    assert score.events == by_template(failed=1.0, opened=0.0)


def test_one_shape_is_scored_once_in_a_batch(scored: list[tuple[int, ...]]) -> None:
    windows = [make_window("disk failed", session=str(number)) for number in range(5)] + [make_window("disk opened")]
    scores = make_scorer().score(windows, knowing())
    assert scored == [(2, 1)]
    assert [score.cached for score in scores] == [False, True, True, True, True, False]
    assert [score.probability for score in scores] == [1.0] * 5 + [0.0]


def test_batches_keep_to_their_size_and_to_like_windows(scored: list[tuple[int, ...]]) -> None:
    windows = [make_window(*["disk failed", "disk full", "disk opened"][: 1 + n % 3], *["x"] * n) for n in range(7)]
    scores = make_scorer(batch_windows=3).score(windows, knowing())
    assert scored == [(3, 2), (3, 4), (1, 4)]
    assert [len(score.events) for score in scores] == [len(window.events) for window in windows]


def test_memory_is_bounded(scored: list[tuple[int, ...]]) -> None:
    scorer, knowledge = make_scorer(cache_entries=0), knowing()
    windows = [make_window(*["disk failed"] * (1 + number)) for number in range(5)]
    assert len(scorer.score(windows, knowledge)) == 5
    assert not scorer.score(windows[:1], knowledge)[0].cached
    assert scored == [(5, 1), (1, 1)]


def test_a_new_release_is_asked_anew_and_the_old_one_ends_what_it_routed() -> None:
    scorer, knowledge = make_scorer(), knowing()
    routed = knowledge.route(make_window("disk failed"))
    scorer.score([routed], knowledge)
    knowledge.adopt(release(0.25, created=4000.0, threshold=0.2))
    old, new = scorer.score([routed, make_window("disk failed")], knowledge)
    assert (old.probability, old.cached, old.threshold) == (1.0, True, 0.5)
    assert (new.probability, new.cached, new.threshold) == (0.25, False, 0.2)
    assert old.version != new.version


def test_what_the_teacher_says_of_an_event_ends_the_memory_of_its_windows() -> None:
    scorer, knowledge = make_scorer(), knowing()
    window = make_window("disk full")
    before = scorer.score([window], knowledge)[0].probability
    knowledge.learn(make_label(window, 0.1 if before == 1.0 else 0.9))
    (score,) = scorer.score([window], knowledge)
    assert (score.probability, score.cached) == (1.0 - before, False)


def test_models_that_a_system_left_behind_go() -> None:
    scorer, knowledge = make_scorer(), knowing()
    for created in range(5):
        knowledge.adopt(release(created=4000.0 + created))
        scorer.score([make_window()], knowledge)
    assert len(scorer._models) <= len(knowledge.versions)


def test_without_a_release_nothing_is_scored() -> None:
    with pytest.raises(ModelError, match="no model release yet"):
        make_scorer().score([make_window()], Knowledge("shop", WordEncoder(*WORDS)))


def test_a_model_that_does_not_load_is_refused_before_it_is_used() -> None:
    scorer = make_scorer()
    knowledge = Knowledge("shop", WordEncoder(*WORDS), check=scorer.check)
    knowledge.adopt(release())
    with pytest.raises(ModelError, match="do not load"):
        knowledge.adopt(releases.sign(replace(release(created=4000.0), onnx=b"not onnx"), None))
    assert knowledge.version == release().version


def test_no_windows_have_no_scores() -> None:
    assert make_scorer().score([], knowing()) == []


def test_the_provider_is_that_which_models_really_have(fake_cuda: FakeCuda) -> None:
    scorer = Scorer(ScoreSettings(provider="auto", cache_entries=0))
    assert scorer.provider is None
    knowledge = knowing()
    scorer.load(knowledge)
    assert scorer.provider == "cuda"
    fake_cuda.running = RuntimeError("CUDA failure 2: out of memory ; GPU=0")
    [score] = scorer.score([make_window("disk failed")], knowledge)
    assert (scorer.provider, score.version) == ("cpu", knowledge.version)


def test_a_batch_that_cuda_fails_on_blames_no_release(fake_cuda: FakeCuda) -> None:
    scorer, knowledge = Scorer(ScoreSettings(provider="cuda", cache_entries=0)), knowing()
    scorer.load(knowledge)
    fake_cuda.running = RuntimeError("CUDA failure 2: out of memory ; GPU=0")
    with pytest.raises(SettingError, match=r"FUSIONLOG_SCORE__PROVIDER is 'cuda'.*out of memory"):
        scorer.score([make_window("disk failed")], knowledge)
