"""Raw topics of no system."""

from __future__ import annotations

from pathlib import Path

import pytest

from fusionlog.kafka.stray_topics import StrayTopics, stray_sentence, stray_topics
from fusionlog.settings import Settings
from fusionlog.topics import CANARY


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    path = tmp_path / "systems.yaml"
    path.write_text("openstack:\nshop:\n")
    return Settings(systems_file=path, system="shop")


def test_raw_topics_of_no_system_are_found_and_no_others(settings: Settings) -> None:
    names = ["logs.raw.opnstack", "logs.raw.openstack", "logs.raw.shop", f"logs.raw.{CANARY}", "orders", "logs.rawshop"]
    assert stray_topics(settings, names) == ["logs.raw.opnstack"]


def test_own_topics_are_none_whatever_the_prefix() -> None:
    topics = Settings().topics
    own = [*(topic.name for topic in topics.own()), topics.keyed("shop").name]
    assert stray_topics(Settings(raw_prefix="fusionlog."), [*own, "fusionlog.shop"]) == ["fusionlog.shop"]
    assert stray_topics(Settings(raw_prefix=""), [*own, "shop"]) == []


def test_the_sentence_has_the_system_that_may_be_meant(settings: Settings) -> None:
    assert stray_sentence(settings, "logs.raw.opnstack") == (
        "belongs to no system, so its lines are not read: did you mean openstack? Let its shipper write to "
        f"logs.raw.openstack, or add opnstack to {settings.systems_file}"
    )
    assert stray_sentence(settings, "logs.raw.hdfs").endswith(f"not read: add hdfs to {settings.systems_file}")
    assert "FUSIONLOG_SYSTEMS_FILE" in stray_sentence(Settings(), "logs.raw.hdfs")


def test_a_topic_is_news_once_and_again_when_it_came_back(settings: Settings) -> None:
    stray = StrayTopics(settings)
    assert len(list(stray.news(["logs.raw.hdfs", "logs.raw.shop"]))) == 1
    assert list(stray.news(["logs.raw.hdfs"])) == []
    assert list(stray.news([])) == []
    assert len(list(stray.news(["logs.raw.hdfs"]))) == 1
