"""Records of tables are decoded and verified, in order; those of topics that nobody signs are decoded alone."""

from __future__ import annotations

from dataclasses import dataclass, field

from msgspec.structs import replace
from structlog.testing import capture_logs

from fusionlog.errors import RecordError
from fusionlog.kafka import codecs
from fusionlog.kafka.table_dead_letters import LogRefusedOnce
from fusionlog.kafka.table_records import CHUNK, Decoded, RecordReader
from fusionlog.records import Feedback, PseudoLabel, Record
from fusionlog.settings import Settings
from fusionlog.signing.envelope import HEADER
from fusionlog.signing.signatures import Signatures
from fusionlog.topics import Topic, kind_of
from tests.factories import make_label, make_release, make_revoked, make_window, make_withdrawn
from tests.signing.factories import make_signatures

TOPICS = Settings().topics
SIGNED = make_signatures()


@dataclass
class KafkaRecord:
    """As aiokafka has it."""

    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes]] = field(default_factory=list)
    topic: str = "labels"
    partition: int = 0
    offset: int = 0


def signed(record: Record, by: Signatures | None, topic: Topic = TOPICS.labels) -> KafkaRecord:
    key, value = codecs.key_of(record).encode(), codecs.encode(record)
    signature = by.sign(kind_of(record), str(topic.signed_as), key, value) if by else None
    return KafkaRecord(key, value, [] if signature is None else [(HEADER, signature.encode())])


def reader(topic: Topic = TOPICS.labels, signatures: Signatures = SIGNED["reader"]) -> RecordReader:
    settings = Settings()
    settings.__dict__["signatures"] = signatures
    return RecordReader(settings, topic)


async def outcomes(topic: Topic, *records: KafkaRecord) -> list[str]:
    return [each.reason if isinstance(each, RecordError) else "ok" for each in await reader(topic).read(records)]


LABEL = make_label(make_window())


async def test_a_label_is_its_workers_and_a_revocation_an_operators() -> None:
    revoked = make_revoked(LABEL)
    own, by_operator = signed(LABEL, SIGNED["label"]), signed(revoked, SIGNED["operator"])
    forged = replace(LABEL, probability=0.0)
    tampered = KafkaRecord(own.key, codecs.encode(forged), own.headers)
    moved = KafkaRecord(b"shop/other", own.value, own.headers)
    again = KafkaRecord(own.key, own.value, by_operator.headers)
    removed = KafkaRecord(own.key, None, own.headers)
    found = await outcomes(
        TOPICS.labels, own, by_operator, signed(forged, None), tampered, moved, again, removed,
        KafkaRecord(own.key, None), KafkaRecord(own.key, b"{", own.headers),
    )  # fmt: skip
    refused = ["unsigned", "bad-signature", "bad-signature", "bad-signature", "bad-signature", "unsigned", "not-json"]
    assert found == ["ok", "ok", *refused]


async def test_a_release_is_a_trainers() -> None:
    release = make_release()
    assert await outcomes(TOPICS.models, signed(release, SIGNED["trainer"], TOPICS.models)) == ["ok"]
    as_label = signed(LABEL, SIGNED["label"])
    assert await outcomes(TOPICS.models, KafkaRecord(b"shop/v", codecs.encode(release), as_label.headers)) == [
        "bad-signature"
    ]


async def test_a_score_worker_withdraws_a_release_and_makes_none() -> None:
    release = make_release()
    withdrawn = make_withdrawn(release)
    by_score = signed(withdrawn, SIGNED["score"], TOPICS.models)
    again = KafkaRecord(by_score.key, codecs.encode(release), by_score.headers)
    assert await outcomes(TOPICS.models, by_score, again) == ["ok", "bad-signature"]


async def test_feedback_is_an_operators() -> None:
    feedback = Feedback(anomaly="a", system="shop", shape="s", verdict="confirm", by="ann", at=1.0)
    assert await outcomes(TOPICS.feedback, signed(feedback, SIGNED["operator"], TOPICS.feedback)) == ["ok"]
    assert await outcomes(TOPICS.feedback, signed(feedback, None, TOPICS.feedback)) == ["unsigned"]


async def test_a_replayed_label_is_refused_after_its_revocation() -> None:
    early, late = make_signatures("label", "operator"), 5000.0
    keys = early["reader"]
    label = signed(LABEL, early["label"])
    operator = early["operator"]
    operator._clock = lambda: late
    found = await reader(signatures=keys).read([label, signed(make_revoked(LABEL), operator), label])
    assert isinstance(found[0], Decoded) and isinstance(found[1], Decoded)
    assert isinstance(found[2], RecordError) and found[2].reason == "replayed"
    [alone] = await reader(signatures=keys).read([label])
    assert isinstance(alone, Decoded), "where compaction has removed the newer record nothing shows the replay"


async def test_more_records_than_a_thread_takes_stay_in_order() -> None:
    labels = [make_label(make_window(f"event {number}")) for number in range(2 * CHUNK + 1)]
    found = await reader().read([signed(label, SIGNED["label"]) for label in labels])
    assert [each.value for each in found if isinstance(each, Decoded)] == labels


async def test_who_signs_nothing_beside_signed_records_warns_once() -> None:
    for there, warnings in ((signed(LABEL, None), 0), (signed(LABEL, SIGNED["label"]), 1)):
        off = Signatures()
        await reader(signatures=off).read([there])
        with capture_logs() as logs:
            assert [off.sign("label", "labels", b"k", b"v") for _ in range(2)] == [None, None]
        assert [each["log_level"] for each in logs] == ["warning"] * warnings


async def test_a_record_that_is_read_again_and_again_is_reported_once() -> None:
    refused, error = LogRefusedOnce(), RecordError("unsigned", "no signature")
    with capture_logs() as logs:
        for offset in (1, 1, 2, 1):
            await refused(KafkaRecord(b"k", b"v", offset=offset), error)
    assert [each["offset"] for each in logs] == [1, 2]


async def test_without_public_keys_and_of_other_topics_nothing_is_verified() -> None:
    window = make_window()
    [found] = await reader(TOPICS.general).read([KafkaRecord(b"k", codecs.encode(window))])
    assert isinstance(found, Decoded) and found.value == window
    [label] = await reader(signatures=Signatures()).read([signed(LABEL, None)])
    assert isinstance(label, Decoded) and isinstance(label.value, PseudoLabel)
