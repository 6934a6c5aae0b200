from __future__ import annotations

from collections.abc import Sequence

import pytest

from fusionlog import releases
from fusionlog.embedding.encoder import VectorCache
from fusionlog.errors import ModelError, SettingError, TeacherError
from fusionlog.methods.base import MethodContext
from fusionlog.methods.protocol import Fold
from fusionlog.methods.target import UNBOUNDED, Target
from fusionlog.online.asking import Call
from fusionlog.online.query_queue import CandidatePool
from fusionlog.records import Lineage, Window
from fusionlog.rules import DEFAULT_METHOD, MethodName
from fusionlog.settings import LabelSettings, Settings, SystemSettings
from fusionlog.teachers.base import Teacher as AnyTeacher
from fusionlog.teachers.base import Unit, Verdict
from fusionlog.teachers.cost import Cost
from fusionlog.teachers.offline.teacher import OfflineTeacher
from tests.encoders import WordEncoder
from tests.factories import make_regression, make_release, make_window
from tests.methods.test_teacher_queries import Teacher

BANK = (("disk opened", 0.0), ("disk closed", 0.0))
OPENED, CLOSED, FAILED = (make_window(f"disk {word}", session=word) for word in ("opened", "closed", "failed"))
MUMBLE = make_window("disk mumble", session="mumble")


class Retrying(Teacher):
    """Repeats each request three times."""

    async def label(self, units: Sequence[Unit]) -> list[Verdict | TeacherError]:
        self.cost += Cost(calls=3)
        return await super().label(units)


def make_target(
    teacher: AnyTeacher | None, calls: int = UNBOUNDED, units_per_call: int = 20, method: MethodName = DEFAULT_METHOD
) -> Target:
    encode = WordEncoder("opened", "closed", "failed", "mumble")
    settings = Settings(label=LabelSettings(units_per_call=units_per_call))
    context = MethodContext(settings, [], encode, VectorCache(encode), None, teacher)  # type: ignore[arg-type]
    return Target(Fold("shop", "forward", SystemSettings(), ([], []), [], []), context, method, calls)


def adopt_bank(target: Target) -> None:
    """Adopt a base release that knows two healthy events."""
    vectors = releases.pack_vectors(target.context.encode([text for text, _ in BANK]))
    target.adopt(make_release(*BANK, system=releases.BASE, vectors=vectors))


async def ask(target: Target, *windows: Window) -> CandidatePool[int]:
    """Ask about windows that wait, all in one call; returns their pool."""
    pool: CandidatePool[int] = CandidatePool(target.knowledge)
    for place, window in enumerate(windows):
        pool.add(window, place)
    await target.ask(pool, Call(pool.windows))
    return pool


async def test_an_answer_is_known_to_the_system_and_ends_the_wait() -> None:
    target = make_target(Teacher())
    pool = await ask(target, OPENED, FAILED)
    labels = [target.knowledge.label_of(window.shape) for window in (OPENED, FAILED)]
    assert [(label.probability, label.teacher) for label in labels if label] == [(0.1, "test"), (0.9, "test")]
    assert not pool


async def test_what_cannot_be_labelled_is_not_learned() -> None:
    target = make_target(Teacher())
    await ask(target, OPENED, MUMBLE)
    assert target.knowledge.label_of(MUMBLE.shape) is None


async def test_a_call_is_counted_for_every_full_or_partial_load_of_windows() -> None:
    target = make_target(Teacher(), calls=9, units_per_call=2)
    await ask(target, OPENED, CLOSED, FAILED)
    assert (target.spent, target.calls_left) == (2, 7)


async def test_repeated_requests_count_and_may_exceed_the_budget() -> None:
    target = make_target(Retrying(), calls=3)
    await ask(target, OPENED)
    assert (target.spent, target.calls_left) == (1, -1)


def test_a_run_without_a_teacher_is_refused_when_it_asks_for_one() -> None:
    with pytest.raises(SettingError, match="--llm-url"):
        _ = make_target(None).teacher


@pytest.mark.parametrize(("method", "kind"), [("fusionlog+online", "proprietary"), ("source-only", "general")])
def test_windows_are_routed_by_the_rules_of_the_method_over_the_adopted_release(method: MethodName, kind: str) -> None:
    target = make_target(Teacher(), method=method)
    assert not target.knowledge.ready
    adopt_bank(target)
    assert target.knowledge.ready
    routes = [target.knowledge.route(window).route for window in (OPENED, FAILED)]
    assert [route.kind for route in routes if route] == ["general", kind]


def test_an_offline_teacher_counts_what_it_is_shown() -> None:
    teacher = OfflineTeacher([], WordEncoder(), make_regression())
    shown = [make_window("disk opened", session=f"s{place}", first_offset=place) for place in range(50)]
    before = teacher.features([FAILED])
    make_target(teacher).show(shown)
    assert teacher.features([FAILED])[0].rarity > before[0].rarity


def test_another_teacher_is_shown_nothing() -> None:
    teacher = Teacher()
    make_target(teacher).show([OPENED])
    assert (teacher.seen, teacher.cost) == (0, Cost())


def test_a_release_that_was_trained_on_labels_of_the_target_measures_nothing() -> None:
    with pytest.raises(ModelError, match="labels of shop"):
        make_target(None).adopt(make_release(*BANK, system=releases.BASE, lineage=Lineage(sources=["shop"])))
