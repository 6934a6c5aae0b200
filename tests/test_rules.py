"""The table of methods, and what knowledge makes of it."""

from __future__ import annotations

from typing import get_args

import pytest

from fusionlog import releases
from fusionlog.online.knowledge import Knowledge
from fusionlog.rules import RULES, MethodName
from fusionlog.types import RouteKind
from tests.encoders import WordEncoder
from tests.factories import make_label, make_release, make_window

KNOWN, NEW = make_window("disk opened"), make_window("disk full")


def knowledge_of(method: MethodName, *systems: str) -> Knowledge:
    """With a release of each of these systems, which knows one event."""
    knowledge = Knowledge("shop", WordEncoder(), rules=RULES[method])
    vectors = releases.pack_vectors(WordEncoder()(["disk opened"]))
    for system in systems:
        knowledge.adopt(releases.sign(make_release(("disk opened", 0.0), system=system, vectors=vectors), None))
    return knowledge


def kinds(knowledge: Knowledge) -> list[RouteKind]:
    """Where a window of known events goes, and one of a new event."""
    routes = [knowledge.route(window).route for window in (KNOWN, NEW)]
    return [route.kind for route in routes if route is not None]


def test_every_name_has_its_rules() -> None:
    assert set(RULES) == set(get_args(MethodName))


@pytest.mark.parametrize(
    ("method", "with_base", "with_own"),
    [
        ("fusionlog+online", ["general", "proprietary"], ["general", "proprietary"]),
        ("fusionlog", ["general", "proprietary"], ["general", "general"]),
        ("generallog", ["general", "proprietary"], ["general", "proprietary"]),
        ("source-only", ["general", "general"], ["general", "general"]),
        ("llm-only", ["proprietary", "proprietary"], ["proprietary", "proprietary"]),
        ("offline", ["proprietary", "proprietary"], ["proprietary", "proprietary"]),
    ],
)
def test_where_windows_go(method: MethodName, with_base: list[RouteKind], with_own: list[RouteKind]) -> None:
    assert kinds(knowledge_of(method, releases.BASE)) == with_base
    assert kinds(knowledge_of(method, releases.BASE, "shop")) == with_own


@pytest.mark.parametrize("method", RULES)
def test_what_does_not_learn_has_the_base_alone_and_a_bank_that_does_not_grow(method: MethodName) -> None:
    knowledge = knowledge_of(method, releases.BASE)
    learned = knowledge.learn(make_label(NEW, 0.9))
    assert learned == RULES[method].teacher
    assert (knowledge.label_of(NEW.shape) is not None) == RULES[method].teacher
    assert (knowledge.unknown_events(NEW) == set()) == RULES[method].adapts
    assert (knowledge.labels_for([NEW]) != [None]) == RULES[method].adapts
    vectors = releases.pack_vectors(WordEncoder()(["disk opened"]))
    own = make_release(("disk opened", 0.0), vectors=vectors)
    assert knowledge.adopt(releases.sign(own, None)) == RULES[method].adapts
