from fusionlog.topics import Topics


def test_the_system_of_a_raw_topic_is_what_follows_the_prefix() -> None:
    topics = Topics(raw_prefix="logs.raw.")
    assert topics.system_of(topics.raw("pay.ments").name) == "pay.ments"


def test_compacted_topics_keep_their_records_for_ever() -> None:
    for topic in (Topics().labels, Topics().models, Topics().templates, Topics().feedback, Topics().explanations):
        assert topic.config()["cleanup.policy"] == "compact"
        assert "retention.ms" not in topic.config()


def test_the_model_topic_takes_a_model() -> None:
    assert int(Topics().models.config()["max.message.bytes"]) >= 8 * 1024 * 1024


def test_every_topic_stands_under_the_prefix_and_only_once() -> None:
    names = [topic.name for topic in Topics(prefix="a.").own()]
    assert all(name.startswith("a.") for name in names)
    assert len(set(names)) == len(names)


def test_the_raw_topics_of_the_systems_come_first() -> None:
    assert [topic.name for topic in Topics(systems=("a", "b")).all()][:2] == ["logs.raw.a", "logs.raw.b"]
