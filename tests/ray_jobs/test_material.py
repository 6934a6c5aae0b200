"""What a job reads from Kafka: of each target the newest windows once, its labels in order, in bounded memory."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from msgspec.structs import replace

from fusionlog.kafka import codecs
from fusionlog.records import Record, Window
from fusionlog.releases import BASE, sealed
from fusionlog.settings import DistillSettings, Settings
from fusionlog.topics import Topic
from ray_jobs import material, publish
from ray_jobs.material import BLOCK_WINDOWS, Blocks, keys_of, pack, unpack, windows_of
from tests.factories import make_anomaly, make_feedback, make_label, make_release, make_window

Topics = dict[str, list[tuple[str, Record | None]]]


@pytest.fixture
def topics(monkeypatch: pytest.MonkeyPatch) -> Topics:
    """The records of each topic by the topic's name; `reads` has the limit of each reading of a topic."""
    found: Topics = {}

    async def read_each(
        settings: Settings, topic: Topic, wanted: Callable[[str], bool], limit: int | None = None
    ) -> AsyncIterator[tuple[str, Any]]:
        found.setdefault("reads", []).append((topic.name, limit))  # type: ignore[arg-type]
        for key, record in found.get(topic.name, []):
            if wanted(key):
                yield key, record

    monkeypatch.setattr(material, "read_each", read_each)
    monkeypatch.setattr(publish, "read_each", read_each)
    return found


def keyed(*records: Record) -> list[tuple[str, Record | None]]:
    return [(codecs.key_of(record), record) for record in records]


def at(number: int, system: str = "shop", ended: float | None = None) -> Window:
    return make_window("disk full", system=system, first_offset=number, ended=float(number) if ended is None else ended)


def read(blocks: Blocks) -> list[Window]:
    return windows_of(block.place for block in blocks.blocks)


def test_windows_survive_the_packing() -> None:
    windows = [at(1), at(2)]
    assert unpack(pack(windows)) == windows


def test_a_target_keeps_its_newest_windows_and_counts_the_others() -> None:
    blocks = Blocks(2 * BLOCK_WINDOWS, bytes)
    for number in range(3 * BLOCK_WINDOWS + 5):
        blocks.add(at(number))
    found = read(blocks)
    assert len(found) == blocks.windows <= 2 * BLOCK_WINDOWS
    assert found[-1] == at(3 * BLOCK_WINDOWS + 4), "the newest one is there"
    assert blocks.windows + blocks.left_out == 3 * BLOCK_WINDOWS + 5


def test_the_newest_windows_stay_whichever_partition_came_first() -> None:
    blocks = Blocks(BLOCK_WINDOWS, bytes)
    for number in range(BLOCK_WINDOWS):
        blocks.add(at(number, ended=9000.0 + number))
    for number in range(BLOCK_WINDOWS):
        blocks.add(at(10_000 + number, ended=float(number)))
    assert all(window.ended >= 9000 for window in read(blocks))


def test_a_limit_below_a_block_holds() -> None:
    blocks = Blocks(3, bytes)
    for number in range(10):
        blocks.add(at(number))
    assert [window.first_offset for window in read(blocks)][-1] == 9
    assert blocks.windows <= 3


def test_no_more_than_an_open_block_stays_in_the_process() -> None:
    taken: list[bytes] = []
    blocks = Blocks(10_000, lambda block: taken.append(block) or len(taken))
    for number in range(2 * BLOCK_WINDOWS):
        blocks.add(at(number))
    assert [block.place for block in blocks.blocks] == [1, 2], "what it keeps is where they are"


async def test_windows_of_all_targets_are_read_in_one_pass(topics: Topics) -> None:
    settings = Settings(distill=DistillSettings(recent_windows=10))
    first, last = at(1), at(9)
    mill, other = at(2, "mill"), at(3, "farm")
    topics[settings.topics.general.name] = keyed(last, mill, other, first)
    topics[settings.topics.proprietary.name] = keyed(first)
    found = await material.read_windows(settings, ["shop", "mill"], bytes)
    assert read(found["shop"]) == [first, last], "once each, the older first"
    assert read(found["mill"]) == [mill]
    assert topics["reads"] == [(settings.topics.general.name, 20), (settings.topics.proprietary.name, 20)]


async def test_labels_are_those_of_the_targets_in_the_order_they_were_given(topics: Topics) -> None:
    settings = Settings()
    late, early = make_label(at(1), labelled_at=20.0), make_label(make_window("disk failed"), labelled_at=10.0)
    again = replace(early, reason="once more")
    gone = make_label(make_window("disk full", "disk failed"))
    mill = make_label(make_window(system="mill"))
    topics[settings.topics.labels.name] = [
        *keyed(gone, early, late, mill, make_label(make_window(system="farm")), again), (codecs.key_of(gone), None),
    ]  # fmt: skip
    found = await material.read_labels(settings, ["shop", "mill"])
    assert found.of("shop").labels == [again, late]
    assert found.of("mill").labels == [mill]
    assert found.of("farm").labels == []
    names = [name for name, _ in topics["reads"]]
    assert len(names) == len(set(names)), "each topic is read once"


async def test_an_operators_verdict_stands_for_the_teachers(topics: Topics) -> None:
    settings, label = Settings(), make_label(at(1), 0.9)
    dismissed = make_feedback(make_anomaly("disk full"))
    topics[settings.topics.labels.name] = keyed(label, make_label(at(1, "mill"), 0.9))
    topics[settings.topics.feedback.name] = keyed(dismissed)
    found = await material.read_labels(settings, ["shop", "mill"])
    assert [each.probability for each in found.of("shop").labels] != [0.9]
    assert [each.probability for each in found.of("mill").labels] == [0.9]


async def test_a_target_without_a_release_begins_with_the_base_and_the_others_with_their_own(topics: Topics) -> None:
    settings = Settings()
    base, own = sealed(make_release(system=BASE, created=1.0)), sealed(make_release(system="shop", created=2.0))
    topics[settings.topics.models.name] = [(f"{each.system}/{each.version}", each) for each in (own, base)]
    found = await material.read_labels(settings, ["shop", "mill"])
    assert found.of("shop").parent == own
    assert found.of("mill").parent == base


@pytest.mark.parametrize("system", ["shop", "team/shop", "a/b/c"])
def test_a_key_is_of_its_system_and_of_no_other(system: str) -> None:
    wanted = keys_of([system])
    assert wanted(f"{system}/session 1") and wanted(f"{system}/a/b")
    assert not wanted(f"{system}er/session 1") and not wanted(system) and not wanted("")
