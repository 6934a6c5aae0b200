from __future__ import annotations

from fusionlog.parsing.clusters import Clusters
from fusionlog.parsing.tokens import Tokens


def tokens_of(clusters: Clusters) -> list[str]:
    return [each.text for each in clusters]


def inserted(texts: list[str], cap: int = 100, leaf_cap: int = 100) -> Clusters:
    clusters = Clusters(0.6, 4, cap, leaf_cap)
    for used, text in enumerate(texts):
        clusters.insert(Tokens(text.split()), used)
    return clusters


def test_a_leaf_keeps_the_latest_used_of_its_clusters() -> None:
    clusters = inserted(["a b", "a c", "x y z"], leaf_cap=2)
    next(iter(clusters)).used = 10
    clusters.insert(Tokens(["a", "d"]), 11)
    assert tokens_of(clusters) == ["a b", "x y z", "a d"]


def test_the_least_used_of_all_leaves_whenever_it_was_used() -> None:
    clusters = inserted([str(number) * 3 for number in range(5)], cap=5)
    order = list(clusters)
    order[0].used = 20
    clusters.insert(Tokens(["new"]), 21)
    order[1:3] = []
    assert order[0] in list(clusters) and "111" not in tokens_of(clusters)
    next(each for each in clusters if each.text == "222").used = 22
    clusters.insert(Tokens(["newer"]), 23)
    assert tokens_of(clusters) == ["000", "222", "444", "new", "newer"]


def test_a_group_without_clusters_is_forgotten() -> None:
    clusters = Clusters(0.6, 4, 2, 100)
    for used in range(500):
        clusters.insert(Tokens([str(used), "failed"], (0,)), used)
    assert len(clusters) == 2 and clusters.group(Tokens(["1", "failed"], (0,))) is None
    assert clusters.group(Tokens(["499", "failed"], (0,))) is not None


def test_a_template_that_left_is_compared_with_no_line() -> None:
    clusters = inserted(["a b c", "a b d"], cap=1)
    group = clusters.group(Tokens(["a", "b", "c"]))
    assert group is not None
    found = clusters.closest(clusters.leaf(group, ["a", "b", "c"]), ["a", "b", "c"])
    assert found is not None and found.text == "a b d"


def test_a_template_covers_those_that_it_stands_for() -> None:
    clusters = inserted(["a <*> c d e", "f g <*> <*> <*>"])
    assert clusters.covers(Tokens(["a", "b", "c", "d", "e"]))
    assert not clusters.covers(Tokens(["a", "<*>", "c", "d", "e"])), "it is itself"
    assert not clusters.covers(Tokens(["a", "<*>", "c", "d", "<*>"])), "it is more general"
    assert not clusters.covers(Tokens(["a", "b", "c", "d", "x"])), "a word differs"
    assert not clusters.covers(Tokens(["f", "g", "x", "y", "z"])), "no line that is so different is of it"
    assert not clusters.covers(Tokens(["a", "b", "c"]))
