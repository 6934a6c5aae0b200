import pytest

from fusionlog.data.sources import event_probabilities, examples_of, source_examples, split
from fusionlog.records import template_id
from tests.distillation.factories import OneHot, make_source
from tests.factories import make_window


def test_the_last_sessions_are_held_out_whole():
    source = make_source(sessions=10)
    again = make_window("job started", system="mill", session="s9", first_offset=90)
    earlier, later = split(type(source)("mill", [*source.windows, again], source.anomalous))
    assert {window.session for window in later.windows} == {"s8", "s9"}
    assert len(earlier.windows) == 8 and len(later.windows) == 3


def test_event_probabilities_are_shares_drawn_to_the_systems_own():
    found = event_probabilities(make_source(sessions=10))
    assert found[template_id("job started")] == pytest.approx((2 + 0.2) / 11)
    assert found[template_id("job lost")] == pytest.approx((2 + 0.2) / 3)
    assert found[template_id("retry scheduled")] == pytest.approx(0.2 / 9)


def test_examples_are_distinct_windows_with_their_frequency():
    source = make_source(sessions=10)
    examples = examples_of(source, event_probabilities(source), OneHot())
    assert [(example.probability, example.weight) for example in examples] == [(0.0, 8.0), (1.0, 2.0)]


def test_what_is_taught_knows_nothing_of_the_held_out_sessions():
    source = make_source(sessions=10)
    turned = type(source)("mill", source.windows, {**source.anomalous, "s8": True, "s9": False})
    taught, same = (source_examples(any_source, OneHot()).training for any_source in (source, turned))
    for one, other in zip(taught, same, strict=True):
        assert one.probability == other.probability
        assert (one.event_probabilities == other.event_probabilities).all()


def test_where_order_matters_windows_of_one_shape_are_told_apart():
    source = make_source(sessions=2)
    swapped = make_window("retry scheduled", "job started", system="mill", session="s1", first_offset=2)
    source = type(source)("mill", [source.windows[0], swapped], {"s0": False, "s1": True})
    assert [example.probability for example in examples_of(source, event_probabilities(source), OneHot())] == [0.5]
    examples = examples_of(source, event_probabilities(source), OneHot(), "gru")
    assert [example.probability for example in examples] == [0.0, 1.0]
    assert [example.order.tolist() for example in examples] == [[0, 1], [0, 1]]
    assert (examples[0].vectors == examples[1].vectors[::-1]).all()
    assert {example.system for example in examples} == {"mill"}
