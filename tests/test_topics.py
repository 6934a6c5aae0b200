from fusionlog.topics import CANARY, ROLES, Topics


def test_the_system_of_a_raw_topic_is_what_follows_the_prefix() -> None:
    topics = Topics(raw_prefix="logs.raw.")
    assert topics.system_of(topics.raw("pay.ments").name) == "pay.ments"


def test_compacted_topics_keep_their_records_for_ever() -> None:
    for topic in (
        Topics().labels,
        Topics().models,
        Topics().templates,
        Topics().feedback,
        Topics().explanations,
        Topics().spend,
        Topics().training,
    ):
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


def test_who_reads_and_writes_a_topic_is_what_the_roles_declare() -> None:
    topics = Topics(systems=("shop",))
    for role in ROLES:
        assert all(role in topic.read_by for topic in topics.reads(role))
        assert all(role in topic.written_by for topic in topics.writes(role))
    assert topics.proprietary.written_by == ("ingest", "score", "label", "cli")
    assert topics.general.written_by == ("ingest", "label", "cli")
    assert topics.reads("ingest")[0].name == "logs.raw.shop"


def test_the_canary_alone_writes_its_lines() -> None:
    topics = Topics(systems=("shop", CANARY))
    assert topics.raw(CANARY) == topics.canary in topics.all()
    assert (topics.canary.written_by, topics.canary.read_by) == (("canary",), topics.raw("shop").read_by)
    assert topics.system_of(topics.canary.name) == CANARY
    assert topics.writes("canary") == [topics.canary, topics.workers] and topics.canary not in topics.writes("ingest")


def test_every_topic_has_a_writer_and_a_reader() -> None:
    assert all(topic.written_by and topic.read_by for topic in Topics(systems=("shop",)).all())


def test_a_repartitioned_system_has_a_keyed_topic() -> None:
    topics = Topics(prefix="a.", systems=("shop", "mill"), repartitioned=("shop",))
    keyed = topics.keyed("shop")
    assert [topic.name for topic in topics.all()][:3] == ["logs.raw.shop", "logs.raw.mill", "a.keyed.shop"]
    assert keyed in topics.reads("ingest") and keyed in topics.writes("ingest")
    assert (keyed.written_by, keyed.read_by) == (("ingest",), ("ingest",))
    assert keyed.retention_ms == topics.raw("shop").retention_ms
    assert topics.system_of(keyed.name) == "shop" and topics.is_keyed(keyed.name)
    assert not topics.is_keyed("logs.raw.shop") and not topics.is_keyed("a.keyed.mill")


def test_what_was_spent_has_one_order() -> None:
    spend = Topics(partitions=8).spend
    assert spend.partitions == 1 and spend.config()["cleanup.policy"] == "compact"
    assert int(spend.config()["segment.ms"]) < 24 * 3600 * 1000, "a segment that is written to is not compacted"
