from fusionlog.routing.growth import grown
from tests.distillation.factories import OneHot, make_parent
from tests.factories import make_label, make_revoked, make_window


def test_the_bank_is_the_parents_and_every_judged_event_once():
    both = make_window("disk failed", "connection opened")
    labels = [make_label(make_window("disk failed"), 0.9), make_label(both, 0.5)]
    found = grown(make_parent(), labels, OneHot())
    assert [event.text for event in found.events[-2:]] == ["disk failed", "connection opened"]
    assert [event.probability for event in found.events[-2:]] == [0.7, 0.5]
    assert len(found.events) == 5 and found.vectors.shape == (5, 6)


def test_a_newer_verdict_replaces_the_older_of_the_same_system_alone():
    labels = [make_label(make_window("job lost", system="mill"), 0.1)]
    texts = [(event.text, event.probability) for event in grown(make_parent(), labels, OneHot()).events]
    assert texts.count(("job lost", 0.1)) == 1 and len(texts) == 3
    other = grown(make_parent(), [make_label(make_window("job lost"), 0.1)], OneHot())
    assert len(other.events) == 4


def test_an_event_that_revoked_labels_alone_taught_leaves_the_bank():
    lost, both = (
        make_label(make_window(*texts, system="mill"), 0.1) for texts in (["job lost"], ["job lost", "job started"])
    )
    without = grown(make_parent(), [], OneHot(), [make_revoked(lost)])
    assert "job lost" not in [event.text for event in without.events] and len(without) == 2 == len(without.vectors)
    again = grown(make_parent(), [both], OneHot(), [make_revoked(lost)])
    assert [event.text for event in again.events].count("job lost") == 1
