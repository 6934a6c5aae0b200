from dataclasses import replace

import msgspec
import pytest

from fusionlog.data.sources import by_shape, source_examples, unlabelled
from fusionlog.detector.sequence import by_cache_key
from fusionlog.distillation.distill import NothingToDistilError, check_worth, distill, examples_of, newest_labels
from fusionlog.distillation.students import soft_predictions
from fusionlog.releases import bank_vectors
from tests.distillation.factories import SETTINGS, OneHot, make_fit, make_parent, make_source
from tests.factories import make_label, make_regression, make_release, make_revoked, make_window, make_withdrawn

GOOD = make_window("connection opened", "connection closed")
LONG = make_window("connection opened", "connection opened", "connection closed", first_offset=10)
BAD = make_window("connection opened", "disk failed", first_offset=20)
LABELS = [make_label(GOOD, 0.05), make_label(LONG, 0.05), make_label(BAD, 0.95)]


def each_of(fit):
    return lambda jobs: [fit(examples) for examples in jobs]


def run(labels=LABELS, windows=(GOOD, GOOD, GOOD, LONG, BAD), parent=None, settings=SETTINGS, sources=True, fit=None):
    taught = [source_examples(make_source(), OneHot())] if sources else []
    parent = parent or make_parent(reference_auprc=1.0)
    return distill(
        labels,
        list(windows),
        taught,
        parent,
        OneHot(),
        settings,
        each_of(fit or make_fit(settings)),
        now=9000.0,
        job="job-1",
    )


def turned(example):
    return replace(example, probability=1 - example.probability)


def test_the_student_says_what_the_teacher_said_and_keeps_what_the_sources_taught():
    done = run()
    assert done.report.accepted, done.report.reason
    windows = [GOOD, BAD, make_source().windows[0], make_source().windows[4]]
    said = [
        opinion.window for opinion in soft_predictions(done.release.onnx, [unlabelled([w], OneHot()) for w in windows])
    ]
    assert said[0] < 0.5 < said[1]
    assert said[2] < said[3]


def test_a_release_says_where_it_came_from():
    release = run().release
    assert (release.system, release.created) == ("shop", 9000.0)
    lineage = release.lineage
    assert (lineage.parent, lineage.teachers, lineage.labels) == (make_parent().version, ["test"], 3)
    assert (lineage.rounds, lineage.job) == (2, "job-1")
    assert {event.text for event in release.bank if event.system == "shop"} == {
        "connection opened", "connection closed", "disk failed",
    }  # fmt: skip
    assert bank_vectors(release).shape == (6, 6)
    assert {"source_auprc", "target_rate", "teacher_agreement"} == set(release.metrics)


def test_the_same_input_gives_the_same_model():
    assert run().release.onnx == run().release.onnx


def test_what_the_sources_taught_of_unusual_windows_is_handed_on():
    regression = make_regression(1.0, 0.5, 2.0, 1.0, -3.0)
    other = make_regression(intercept=-1.0)
    parent = make_parent(metrics={"auprc.mill": 1.0}, reference_auprc=1.0, offline_teacher=other, novelty=regression)
    release = run(parent=parent).release
    assert (release.reference_auprc, release.offline_teacher, release.novelty) == (1.0, other, regression)
    assert "auprc.mill" not in release.metrics


def test_the_calibration_is_given_the_formula_of_what_is_counted(monkeypatch):
    given = []
    monkeypatch.setattr("fusionlog.distillation.distill.calibrate", lambda *each: given.append(each[-1]))
    counted = make_regression(1.0, 0.5, 2.0, 1.0, -3.0)
    other = make_regression(9.0, 9.0, 9.0, 1.0, 0.0)
    run(parent=make_parent(reference_auprc=1.0, novelty=counted, offline_teacher=other))
    assert given == [counted]


def inherited(window, like, probability):
    return msgspec.structs.replace(make_label(window, probability), propagated_from=like.shape)


def test_what_was_inherited_weighs_less_and_is_no_measure_of_the_student():
    heir = inherited(LONG, GOOD, 0.05)
    seen = by_cache_key([LONG] * 5, "set")
    assert [each.weight for each in examples_of(heir, seen, OneHot(), "set")] == [0.5]
    assert [each.weight for each in examples_of(heir, [], OneHot(), "gru")] == [0.1]
    wrong = [inherited(make_window(*["disk failed"] * n, first_offset=40 + n), BAD, 0.05) for n in range(1, 6)]
    release = run([*LABELS, *wrong]).release
    assert release.metrics["teacher_agreement"] == 1.0, "those that were inherited are not the teacher's"
    assert {event.probability for event in release.bank if event.text == "disk failed" and event.system == "shop"} == {
        0.95
    }
    with pytest.raises(NothingToDistilError, match="3 labels"):
        run([*LABELS, *wrong], settings=SETTINGS.model_copy(update={"min_labels": 4}))


def test_a_model_that_calls_everything_anomalous_is_refused():
    done = run(settings=SETTINGS.model_copy(update={"gate_max_rate": 0.1}))
    assert not done.report.accepted
    assert "target_rate is 0.200" in done.report.reason


def test_a_model_that_forgot_the_sources_does_not_claim_to_know_their_events():
    fit = make_fit()
    done = run(fit=lambda examples: fit([each if each.system == "shop" else turned(each) for each in examples]))
    assert done.report.accepted and "the sources leave the bank, source_auprc is" in done.report.reason
    assert {event.system for event in done.release.bank} == {"shop"}
    assert len(bank_vectors(done.release)) == len(done.release.bank)


def test_a_model_that_contradicts_its_teacher_is_refused():
    fit = make_fit()
    done = run(fit=lambda examples: fit([turned(each) for each in examples]))
    assert not done.report.accepted and "teacher_agreement" in done.report.reason


def test_without_sources_there_is_neither_replay_nor_their_check():
    done = run(sources=False, parent=make_parent())
    assert done.report.accepted and "source_auprc" not in done.release.metrics


def test_the_last_label_of_a_shape_counts():
    turned = msgspec.structs.replace(make_label(GOOD, 0.95), labelled_at=3000.0)
    release = run(labels=[*LABELS, turned], settings=SETTINGS.model_copy(update={"gate_max_rate": 1.0})).release
    assert release.lineage.labels == 3
    assert soft_predictions(release.onnx, [unlabelled(by_shape([GOOD])[0], OneHot())])[0].window > 0.5


def test_where_order_matters_a_label_teaches_every_order_that_was_seen_and_a_guess_where_none_was():
    label, detector = make_label(LONG, 0.1), "gru"
    late = make_window("connection closed", "connection opened", "connection opened", first_offset=30)
    groups = by_cache_key([LONG, late, late, GOOD], detector)
    found = examples_of(label, groups, OneHot(), detector)
    assert [(example.order.tolist(), example.weight) for example in found] == [([0, 0, 1], 1.0), ([1, 0, 0], 2.0)]
    (guess,) = examples_of(label, [], OneHot(), detector)
    assert guess.order.tolist() == [0, 0, 1] and guess.weight == 1.0
    (both,) = examples_of(label, by_cache_key([LONG, late, late, GOOD], "set"), OneHot(), "set")
    assert both.order is None and both.weight == 3.0


def test_lines_whose_event_has_no_label_are_left_out():
    label = make_label(LONG, 0.1)
    label = msgspec.structs.replace(label, events=label.events[1:])
    (found,) = examples_of(label, [[LONG]], OneHot(), "gru")
    assert found.order.tolist() == [0] and len(found.vectors) == 1


def test_a_parents_detector_is_kept():
    settings = SETTINGS.model_copy(update={"detector": "gru", "steps": 400})
    parent = make_parent(reference_auprc=1.0, detector="gru")
    sources = [source_examples(make_source(), OneHot(), "gru")]
    windows = [GOOD, GOOD, GOOD, LONG, BAD]
    done = distill(LABELS, windows, sources, parent, OneHot(), settings, each_of(make_fit(settings)), now=9000.0)
    assert done.report.accepted, done.report.reason
    assert done.release.detector == "gru"
    said = soft_predictions(done.release.onnx, [unlabelled([window], OneHot(), "gru") for window in (GOOD, BAD)])
    assert said[0].window < 0.5 < said[1].window and len(said[1].events) == 2


def test_nothing_to_distil():
    with pytest.raises(NothingToDistilError, match="MIN_LABELS is 2"):
        run(labels=LABELS[:1])
    parent = msgspec.structs.replace(make_parent(), system="shop", created=2000.0)
    with pytest.raises(NothingToDistilError, match="no label of shop is newer"):
        run(parent=parent)


def test_a_revoked_label_is_no_label_and_makes_a_release_without_it_worth_while():
    parent = make_release(("disk failed", 0.95), ("connection opened", 0.05), created=5000.0)
    settings = SETTINGS.model_copy(update={"min_labels": 1})
    with pytest.raises(NothingToDistilError, match="newer"):
        check_worth(LABELS, parent, settings)
    revoked = make_revoked(LABELS[0], at=6000.0)
    check_worth([revoked, *LABELS[1:]], parent, settings)
    assert newest_labels([revoked, *LABELS[1:]]) == LABELS[1:]
    with pytest.raises(NothingToDistilError, match="0 labels"):
        check_worth([revoked], parent, settings)


def test_labels_that_made_a_withdrawn_release_do_not_make_it_again():
    parent = make_release(("disk failed", 0.95), ("connection opened", 0.05), created=1000.0)
    withdrawn = make_withdrawn(make_release(created=3000.0))
    settings = SETTINGS.model_copy(update={"min_labels": 1})
    with pytest.raises(NothingToDistilError, match=f"newer than its release {withdrawn.version}, which was withdrawn"):
        check_worth(LABELS, parent, settings, withdrawn)
    check_worth([*LABELS, make_label(GOOD, 0.9, labelled_at=4000.0)], parent, settings, withdrawn)
