from __future__ import annotations

from msgspec.structs import replace

from fusionlog.methods.alpha.label_propagation import AlphaStrategy, Cluster, ClusterCall, plan, propagated_labels
from fusionlog.online.knowledge import Knowledge
from fusionlog.online.query_queue import CandidatePool
from fusionlog.records import PseudoLabel, Window
from fusionlog.settings import AlphaSettings
from tests.encoders import WordEncoder
from tests.factories import make_label, make_window

DISKS = [make_window(*["disk opened"] * 3, *["disk closed"] * count) for count in (3, 4, 5, 6)]
OTHER = make_window("connection failed")


def knowing(*labels: PseudoLabel) -> Knowledge:
    knowledge = Knowledge("shop", WordEncoder())
    for label in labels:
        knowledge.learn(label)
    return knowledge


def planned(windows: list[Window], units: int = 20, counts: list[int] | None = None, **settings: float) -> ClusterCall:
    made = AlphaSettings(**{"central": 1, "uncertain": 1, **settings})  # type: ignore[arg-type]
    return plan(windows, counts or [1] * len(windows), units, knowing(), made)


def heirs(cluster: Cluster, *labels: PseudoLabel, known: Knowledge | None = None) -> list[PseudoLabel]:
    knowledge = known or knowing(*labels)
    return list(propagated_labels(cluster, {label.shape: label for label in labels}, knowledge, 3000.0))


def test_a_call_holds_the_representatives_of_whole_clusters_the_largest_first() -> None:
    found = planned([OTHER, *DISKS], units=2)
    assert len(found.windows) == 2 and OTHER not in found.windows
    (cluster,) = found.clusters
    assert {each.id for each in cluster.asked} == {each.id for each in found.windows}
    assert {each.shape for each in (*cluster.asked, *cluster.others)} == {
        each.shape for each in DISKS
    }  # fmt: skip
    assert planned([OTHER, *DISKS]).windows[2:] == [OTHER]
    assert planned([OTHER, *DISKS], counts=[9, 1, 1, 1, 1]).windows[0] == OTHER


def test_a_cluster_too_large_for_any_call_is_asked_about_and_inherits_nothing() -> None:
    found = planned(DISKS, units=1)
    assert len(found.windows) == 1 and found.clusters == []


def test_unlike_windows_are_asked_one_by_one() -> None:
    windows = [make_window("disk opened"), make_window("connection closed"), OTHER]
    assert planned(windows).windows == windows and planned([]).windows == []


def test_what_is_left_of_a_call_goes_to_events_that_nobody_judged() -> None:
    odd, same = (
        make_window(*["disk opened"] * 30, *["disk closed"] * 30, last) for last in ("disk full", "disk opened")
    )
    found = planned([*DISKS, same, odd], similarity=0.8, uncertain=0)
    assert len(found.windows) == 2 and found.windows[1] == odd, "one stands for all, and one has an event of its own"
    (cluster,) = found.clusters
    assert odd in cluster.asked and len(cluster.others) == 4


def test_the_others_of_a_cluster_inherit_and_say_from_whom() -> None:
    first, second, *others = DISKS
    found = heirs(Cluster([first, second], others), make_label(first, 0.1), make_label(second, 0.2, reason="routine"))
    assert [(label.shape, label.propagated_from, label.probability) for label in found] == [
        (each.shape, second.shape, 0.2) for each in others
    ]  # fmt: skip
    label = found[0]
    assert (label.shape, label.window, label.teacher, label.labelled_at) == (
        others[0].shape,
        others[0].id,
        "test",
        3000.0,
    )
    assert label.reason == "like another window: routine" and [each.count for each in label.events] == [3, 5]


def test_representatives_that_disagree_or_were_not_all_judged_leave_nothing() -> None:
    first, second, *others = DISKS
    cluster = Cluster([first, second], others)
    assert heirs(cluster, make_label(first, 0.1), make_label(second, 0.9)) == []
    assert heirs(cluster, make_label(first, 0.1)) == []


def test_a_window_with_an_event_that_nobody_judged_inherits_nothing() -> None:
    first, heir = DISKS[0], make_window(*["disk opened"] * 3, *["disk closed"] * 3, "disk full")
    assert heirs(Cluster([first], [heir]), make_label(first, 0.1)) == []
    known = knowing(make_label(first, 0.1), make_label(make_window("disk full"), 0.1))
    assert len(heirs(Cluster([first], [heir]), make_label(first, 0.1), known=known)) == 1


def test_an_event_that_was_judged_anomalous_must_be_the_representatives_too() -> None:
    first, heir = DISKS[0], make_window(*["disk opened"] * 3, *["disk closed"] * 3, "disk failed")
    known = knowing(make_label(first, 0.1), make_label(make_window("disk failed"), 0.9))
    assert heirs(Cluster([first], [heir]), make_label(first, 0.1), known=known) == []
    bad = replace(make_label(heir, 0.9), shape="x")
    assert [label.propagated_from for label in heirs(Cluster([replace(heir, shape="x")], [heir]), bad)] == ["x"]


def test_the_strategy_weighs_shapes_by_how_often_they_wait_and_propagates_what_is_labelled() -> None:
    knowledge, pool = knowing(), CandidatePool[int](knowing())
    for number, window in enumerate([OTHER, OTHER, *DISKS]):
        pool.add(window, number)
    settings = AlphaSettings(central=1, uncertain=0)
    call = AlphaStrategy(settings)(pool, 1)
    assert call.windows[0] in DISKS, "four windows of a cluster go before two of one shape"
    label = make_label(call.windows[0], 0.1)
    knowledge.learn(label)
    heirs = list(call.propagate({label.shape: label}, knowledge, 5.0))
    assert {each.propagated_from for each in heirs} == {label.shape} and len(heirs) == 3
    assert AlphaStrategy(settings)(CandidatePool(knowing()), 1).windows == []
