from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from msgspec.structs import replace

from fusionlog import releases
from fusionlog.errors import ModelError
from fusionlog.novelty.similarity import bag_of_events
from fusionlog.online.description import ContentKey
from fusionlog.online.knowledge import ASKED_AGAIN, Knowledge
from fusionlog.online.releases_in_use import KEPT_RELEASES
from fusionlog.records import ModelRelease, PseudoLabel, Window
from fusionlog.routing.threshold import DEFAULT_TAU
from fusionlog.signing.signatures import Signatures
from fusionlog.types import FloatArray
from tests.encoders import WordEncoder
from tests.factories import make_event, make_label, make_release, make_revoked, make_window
from tests.signing.factories import make_signatures

KEY = make_signatures("trainer")["trainer"]
TAUGHT = (("connection opened", 0.0), ("disk failed", 1.0))


def release(*bank: tuple[str, float], key: Signatures | None = None, **fields: object) -> ModelRelease:
    """A signed release of `shop` whose vectors are those of the tests' encoder."""
    texts = [text for text, _ in bank or TAUGHT]
    vectors = releases.pack_vectors(WordEncoder()(texts))
    return releases.sign(make_release(*(bank or TAUGHT), **{"vectors": vectors, **fields}), key)  # type: ignore[arg-type]


def knowing(*adopted: ModelRelease) -> Knowledge:
    knowledge = Knowledge("shop", WordEncoder())
    for each in adopted or (release(),):
        knowledge.adopt(each)
    return knowledge


def judged(label: PseudoLabel, **probabilities: float) -> PseudoLabel:
    """The label with other verdicts on the events that have these words in their text."""
    events = [
        replace(event, probability=next((p for word, p in probabilities.items() if word in event.text), 0.0))
        for event in label.events
    ]
    return replace(label, events=events)


def shown(knowledge: Knowledge, *texts: str) -> list[list[float]]:
    assert knowledge.version is not None
    return shown_under(knowledge, knowledge.version, *texts)


def shown_under(knowledge: Knowledge, version: str, *texts: str) -> list[list[float]]:
    return knowledge.describe([make_window(*texts)], version).batch([0]).events[0].tolist()


def key_of(knowledge: Knowledge, window: Window) -> ContentKey:
    return knowledge.describe([window], knowledge.version_in_use).keys[0]


def word_on(knowledge: Knowledge, window: Window) -> PseudoLabel | None:
    return knowledge.labels_for([window])[0]


def similarity(knowledge: Knowledge, window: Window) -> float:
    return knowledge.similarity(bag_of_events(window.events))


def vector(text: str) -> list[float]:
    return WordEncoder()([text])[0].tolist()


def test_without_a_release_every_window_is_proprietary() -> None:
    knowledge = Knowledge("shop", WordEncoder())
    route = knowledge.route(make_window("disk failed")).route
    assert route is not None
    assert (route.kind, route.similarity, route.threshold, route.model) == ("proprietary", -1.0, DEFAULT_TAU, None)
    assert not knowledge.ready
    with pytest.raises(ModelError, match="system shop has no model release yet"):
        knowledge.versions_of([make_window()])


def test_windows_are_routed_under_the_release_in_use() -> None:
    knowledge = knowing()
    general, proprietary = (knowledge.route(make_window(text)).route for text in ("disk failed", "disk full"))
    assert general is not None
    assert proprietary is not None
    assert (general.kind, general.model) == ("general", knowledge.version)
    assert (proprietary.kind, proprietary.least_similar_event) == ("proprietary", "disk full")


def test_what_the_release_was_taught_is_not_encoded() -> None:
    encode = WordEncoder()
    knowledge = Knowledge("shop", encode)
    knowledge.adopt(release())
    knowledge.route(make_window("disk failed", "connection opened"))
    assert encode.encoded == []


BASE = {"system": "*", "created": 9000.0}


@pytest.mark.parametrize(
    ("offered", "used"),
    [
        ([{"created": 1.0}, {"created": 2.0}], 2.0),
        ([{"created": 2.0}, {"created": 1.0}], 2.0),
        ([{"created": 1.0}, BASE], 1.0),
        ([BASE, {"created": 1.0}], 1.0),
        ([BASE, {"system": "*", "created": 9001.0}], 9001.0),
        ([{"created": 1.0}, {"system": "auth", "created": 2.0}], 1.0),
    ],
)
def test_its_own_release_wins_over_the_base_and_the_newer_over_the_older(
    offered: list[dict[str, object]], used: float
) -> None:
    knowledge = Knowledge("shop", WordEncoder())
    for fields in offered:
        each = release(**fields)  # type: ignore[arg-type]
        taken = knowledge.adopt(each)
        assert taken == (knowledge.version == each.version)
    assert knowledge.version is not None
    assert knowledge.release(knowledge.version).created == used


def test_a_release_is_adopted_once() -> None:
    knowledge = Knowledge("shop", WordEncoder())
    assert knowledge.adopt(release())
    assert not knowledge.adopt(release())


def test_a_window_in_flight_finishes_under_the_release_that_routed_it() -> None:
    first = release(created=1.0)
    knowledge = knowing(first)
    window = knowledge.route(make_window("disk failed"))
    for created in range(2, KEPT_RELEASES + 1):
        knowledge.adopt(release(created=float(created)))
        assert knowledge.versions_of([window]) == [first.version]
    knowledge.adopt(release(created=100.0))
    assert knowledge.versions_of([window]) == [knowledge.version]
    assert len(knowledge.versions) == KEPT_RELEASES
    with pytest.raises(ModelError, match=f"release {first.version} of system shop is not kept"):
        knowledge.describe([window], first.version)


@pytest.mark.parametrize(
    ("refused", "why"),
    [
        (make_release(), "does not match its sha256"),
        (release(), "unsigned"),
        (release(key=KEY, encoder="another"), "was made with encoder another, this process has test"),
        (releases.sign(make_release(), KEY), "vectors of 2 numbers, its encoder makes 6"),
    ],
)
def test_what_does_not_verify_or_fit_is_refused_and_the_old_one_stays(refused: ModelRelease, why: str) -> None:
    knowledge = Knowledge("shop", WordEncoder(), KEY)
    knowledge.adopt(release(key=KEY, created=1.0))
    before = knowledge.version
    with pytest.raises(ModelError, match=why):
        knowledge.adopt(refused)
    assert knowledge.version == before


def test_a_release_that_fails_the_check_is_refused() -> None:
    def refuse(_: ModelRelease) -> None:
        raise ModelError("it does not load")

    knowledge = Knowledge("shop", WordEncoder(), check=refuse)
    with pytest.raises(ModelError, match="does not load"):
        knowledge.adopt(release())
    assert not knowledge.ready


def test_what_the_teacher_judged_becomes_general() -> None:
    knowledge, window = knowing(), make_window("disk full")
    assert knowledge.learn(make_label(window))
    routed = knowledge.route(window).route
    assert routed is not None
    assert (routed.kind, routed.similarity) == ("general", 1.0)
    assert not knowledge.learn(make_label(window))


def test_what_was_judged_before_the_release_is_known_under_it() -> None:
    knowledge, window = Knowledge("shop", WordEncoder()), make_window("disk full")
    knowledge.learn(make_label(window))
    knowledge.adopt(release())
    assert knowledge.route(window).route.kind == "general"  # type: ignore[union-attr]


def test_labels_of_another_system_are_not_its_business() -> None:
    knowledge, window = knowing(), make_window("disk full")
    assert not knowledge.learn(make_label(make_window("disk full", system="auth")))
    assert knowledge.route(window).route.kind == "proprietary"  # type: ignore[union-attr]


@pytest.mark.parametrize(("probability", "lender"), [(0.1, "connection opened"), (0.5, "disk failed")])
def test_a_judged_event_borrows_the_nearest_trained_one_of_its_verdict(probability: float, lender: str) -> None:
    knowledge = knowing()
    knowledge.learn(make_label(make_window("disk full"), probability))
    assert shown(knowledge, "disk full", "disk failed") == [vector(lender), vector("disk failed")]


def test_an_event_that_nobody_judged_borrows_the_nearest_trained_one_of_its_system() -> None:
    knowledge = knowing()
    assert shown(knowledge, "disk full", "disk failed") == [vector("disk failed"), vector("disk failed")]
    assert shown(based(), "disk full") == [vector("disk full")]


def test_an_event_near_a_judged_one_borrows_as_that_does() -> None:
    knowledge = knowing()
    knowledge.learn(make_label(make_window("disk full closed closed closed"), 0.1))
    assert shown(knowledge, "full closed closed closed") == [vector("connection opened")]


def test_without_a_trained_event_of_its_verdict_it_stands_for_itself() -> None:
    knowledge = knowing(release(("connection opened", 0.0)))
    knowledge.learn(make_label(make_window("disk full"), 0.9))
    assert shown(knowledge, "disk full") == [vector("disk full")]


def test_a_judged_event_of_placeholders_stands_for_itself() -> None:
    knowledge = knowing()
    knowledge.learn(make_label(make_window("<NUM>"), 0.9))
    assert shown(knowledge, "<NUM>") == [[0.0] * 6]


def test_a_release_that_was_taught_the_event_ends_the_loan() -> None:
    knowledge = knowing()
    knowledge.learn(make_label(make_window("disk full"), 0.9))
    knowledge.adopt(release(*TAUGHT, ("disk full", 0.9), created=4000.0))
    assert shown(knowledge, "disk full") == [vector("disk full")]
    older = knowledge.versions[1]
    assert shown_under(knowledge, older, "disk full") == [vector("disk failed")]


def test_a_newer_verdict_replaces_an_older_one_in_any_order() -> None:
    window = make_window("disk full")
    old, new = make_label(window, 0.9, labelled_at=1.0), make_label(window, 0.1, labelled_at=2.0)
    for order in ([old, new], [new, old]):
        knowledge = knowing()
        for label in order:
            knowledge.learn(label)
        assert shown(knowledge, "disk full") == [vector("connection opened")]
        assert knowledge.label_of(window.shape) == new


def test_a_verdict_that_was_said_again_is_as_new_as_its_last_time() -> None:
    knowledge, window = knowing(), make_window("disk full")
    for at, probability in ((1.0, 0.1), (3.0, 0.1), (2.0, 0.9)):
        knowledge.learn(make_label(window, probability, labelled_at=at))
    assert shown(knowledge, "disk full") == [vector("connection opened")]


def test_the_content_of_a_window_changes_with_what_stands_in_for_its_events() -> None:
    knowledge = knowing()
    one, other = make_window("disk full", "disk failed"), make_window("disk failed", "disk full")
    before = key_of(knowledge, one)
    assert before == key_of(knowledge, other) == (one.shape, ((make_event("disk full").template, 1),))
    knowledge.learn(judged(make_label(one), full=0.1, failed=0.9))
    after = key_of(knowledge, one)
    assert after == key_of(knowledge, other) == (one.shape, ((make_event("disk full").template, 0),))


def test_inputs_carry_the_counts() -> None:
    knowledge = knowing()
    windows = [make_window("disk failed"), make_window("disk full", "disk failed", "disk full")]
    batch = knowledge.describe(windows, knowledge.version_in_use).batch([0, 1])
    assert batch.counts.tolist() == [[1, 0], [2, 1]]
    assert np.array_equal(batch.events[0, 0], batch.events[1, 1])


def test_a_detector_that_looks_at_order_is_shown_lines_and_tells_orders_apart() -> None:
    knowledge = knowing(release(detector="gru"))
    one, other = (
        make_window(*texts)
        for texts in (("disk failed", "disk failed", "disk opened"), ("disk opened", "disk failed", "disk failed"))
    )
    batch = knowledge.describe([one, other], knowledge.version_in_use).batch([0, 1])
    assert batch.counts.tolist() == [[1, 1, 1]] * 2
    assert batch.order is not None
    assert batch.order.tolist() == [[0, 0, 1], [0, 1, 1]]
    assert np.array_equal(batch.events[0, ::-1], batch.events[1])
    assert one.shape == other.shape
    assert key_of(knowledge, one) != key_of(knowledge, other)
    assert key_of(knowledge, one) == key_of(knowledge, replace(one, session="s2"))


def based() -> Knowledge:
    """What is known of `shop` under a base model that was taught a bakery."""
    base = release()
    base = replace(base, system=releases.BASE, bank=[replace(event, system="bakery") for event in base.bank])
    return knowing(releases.sign(base, None))


def test_under_the_base_model_the_word_on_a_window_follows_from_its_judged_events() -> None:
    knowledge = based()
    both = make_window("disk full", "order placed")
    assert word_on(knowledge, both) is None
    knowledge.learn(make_label(make_window("disk full"), 0.9))
    assert word_on(knowledge, both) is None, "one of its events is strange"
    knowledge.learn(make_label(make_window("order placed"), 0.1))
    word = word_on(knowledge, both)
    assert word is not None
    assert (word.probability, word.teacher, [event.probability for event in word.events]) == (0.9, "test", [0.9, 0.1])
    assert "disk full" in word.reason


def test_a_word_on_the_shape_goes_before_those_on_events() -> None:
    knowledge = based()
    label = make_label(make_window("disk full"), 0.9)
    knowledge.learn(label)
    assert word_on(knowledge, make_window("disk full")) == label


def test_a_model_that_was_taught_the_system_speaks_for_itself() -> None:
    knowledge = knowing()
    knowledge.learn(make_label(make_window("disk full"), 0.9))
    knowledge.learn(make_label(make_window("order placed"), 0.1))
    assert word_on(knowledge, make_window("disk full", "order placed")) is None


def test_strange_is_what_nothing_known_is_near_to() -> None:
    knowledge = knowing()
    window = make_window("disk failed", "disk full")
    assert knowledge.unknown_events(window) == {make_event("disk full").template}
    knowledge.learn(make_label(make_window("disk full"), 0.9))
    assert knowledge.unknown_events(window) == set()


def test_without_a_release_strange_is_what_nobody_judged() -> None:
    knowledge = Knowledge("shop", WordEncoder())
    knowledge.learn(make_label(make_window("disk full"), 0.9))
    assert knowledge.unknown_events(make_window("disk failed", "disk full")) == {make_event("disk failed").template}


def test_a_window_resembles_the_nearest_one_that_was_judged() -> None:
    knowledge = knowing()
    assert similarity(knowledge, make_window("disk full")) == 0.0
    knowledge.learn(make_label(make_window("disk full"), 0.9))
    assert similarity(knowledge, make_window("disk full")) == 1.0
    assert similarity(knowledge, make_window("disk full", "disk failed")) == pytest.approx(0.5)


def test_a_shape_that_was_not_judged_has_no_verdict() -> None:
    assert knowing().label_of("a shape") is None


class CrowdedEncoder(WordEncoder):
    """Takes a moment, and notes when a second thread comes in meanwhile."""

    def __init__(self) -> None:
        super().__init__()
        self.inside, self.most = 0, 0

    def __call__(self, texts: Sequence[str], /) -> FloatArray:
        self.inside += 1
        self.most = max(self.most, self.inside)
        time.sleep(0.002)
        self.inside -= 1
        return super().__call__(texts)


def test_labels_and_windows_may_come_from_different_threads() -> None:
    encode = CrowdedEncoder()
    knowledge = Knowledge("shop", encode)
    knowledge.adopt(release())
    labels = [make_label(make_window(f"disk full {number}")) for number in range(50)]
    windows = [make_window(f"disk closed {number}") for number in range(50)]
    with ThreadPoolExecutor(2) as threads:
        learned = threads.submit(lambda: [knowledge.learn(label) for label in labels])
        routed = threads.submit(lambda: [knowledge.route(window) for window in windows])
    assert all(learned.result()) and len(routed.result()) == 50
    assert encode.most == 1
    assert knowledge.route(make_window("disk full 49")).route.kind == "general"  # type: ignore[union-attr]


def test_an_inherited_verdict_counts_for_its_shape_alone_and_gives_way_to_the_teachers_own() -> None:
    knowledge, window = knowing(), make_window("disk full")
    heir = replace(make_label(window, 0.9, labelled_at=5000.0), propagated_from="x")
    assert knowledge.learn(heir) and not knowledge.learn(heir)
    assert knowledge.label_of(window.shape) == heir and knowledge.event_labels(window) is None
    assert similarity(knowledge, window) == 0.0 and knowledge.route(window).route.kind == "proprietary"  # type: ignore[union-attr]
    own = make_label(window, 0.1, labelled_at=4000.0)
    knowledge.learn(own)
    knowledge.learn(heir)
    assert knowledge.label_of(window.shape) == own and similarity(knowledge, window) == 1.0
    said = knowledge.event_labels(make_window("disk full", "disk full"))
    assert said is not None and [(each.text, each.count, each.probability) for each in said] == [("disk full", 2, 0.1)]
    assert knowledge.event_labels(make_window("disk full", "disk closed")) is None


def kind_of(knowledge: Knowledge, *texts: str) -> str:
    route = knowledge.route(make_window(*texts)).route
    assert route is not None
    return route.kind


@pytest.mark.parametrize("text", ["disk lost", "disk failed"], ids=["labelled", "trained"])
def test_a_revoked_event_is_proprietary_until_it_is_labelled_or_restored(text: str) -> None:
    knowledge, window = knowing(), make_window(text, "connection opened")
    label = make_label(window, 0.1)
    knowledge.learn(label)
    assert kind_of(knowledge, text) == "general"
    before = knowledge.changes
    assert knowledge.learn(make_revoked(label, text)) and knowledge.changes > before
    assert kind_of(knowledge, text) == kind_of(knowledge, text, "connection opened") == "proprietary"
    assert knowledge.unknown_events(window) == {make_event(text).template}
    assert kind_of(knowledge, "connection opened") == "general"
    for again in (label, make_label(make_window(text), 0.9, labelled_at=3001.0)):
        knowledge.learn(make_revoked(label, text))
        assert kind_of(knowledge, text) == "proprietary"
        knowledge.learn(again)
        assert kind_of(knowledge, text) == "general"


def test_a_revoked_event_stands_in_for_none_that_is_like_it() -> None:
    knowledge, label = knowing(), make_label(make_window("disk lost"), 0.1)
    knowledge.learn(label)
    assert kind_of(knowledge, "disk disk lost") == "general"
    knowledge.learn(make_revoked(label, "disk lost"))
    assert kind_of(knowledge, "disk disk lost") == "proprietary"


def test_a_revoked_shape_is_referred_to_the_teacher_though_the_model_knows_its_events() -> None:
    knowledge, window = knowing(), make_window("disk failed")
    knowledge.learn(make_revoked(make_label(window, 0.1)))
    route = knowledge.route(window).route
    assert route is not None and (route.kind, route.acquisition_score) == ("proprietary", ASKED_AGAIN)
    assert kind_of(knowledge, "disk failed", "disk failed") == "general", "another shape"
    assert word_on(knowledge, window) is None
    knowledge.forget(window.shape)
    assert kind_of(knowledge, "disk failed") == "general"


def test_a_release_of_the_system_does_not_settle_a_revoked_event() -> None:
    knowledge, label = knowing(), make_label(make_window("disk failed"), 0.1)
    knowledge.learn(make_revoked(label, "disk failed"))
    assert kind_of(knowledge, "disk failed") == "proprietary"
    knowledge.adopt(release(created=9000.0))
    assert kind_of(knowledge, "disk failed") == "proprietary"


def test_a_withdrawal_changes_what_windows_are_described_by() -> None:
    knowledge = knowing(release(created=1.0), release(created=2.0))
    before = knowledge.changes
    knowledge.withdraw(release(created=2.0).version)
    assert knowledge.version == release(created=1.0).version and knowledge.changes > before
    assert [each.version for each in knowledge.kept] == [release(created=1.0).version]
