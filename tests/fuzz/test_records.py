"""Any bytes on any topic are a record that the workers can use, or a dead letter."""

from __future__ import annotations

from functools import cache
from random import Random

import pytest
from hypothesis import given

from fusionlog.errors import RecordError
from fusionlog.kafka import codecs
from fusionlog.records import Record
from fusionlog.schemas import RECORDS
from tests.factories import make_anomaly, make_label, make_revoked, make_window
from tests.fuzz.invariants import assert_record, assert_refused
from tests.fuzz.trials import RANDOMS, Decoder, seeded, try_many
from tests.fuzz.typed import made
from tests.fuzz.uses import USES
from tests.online.factories import release

WINDOW = make_window("disk failed", "disk opened", "disk failed", session="s1")
REALISTIC: tuple[Record, ...] = (
    WINDOW,
    make_label(WINDOW),
    make_revoked(make_label(WINDOW), "disk failed"),
    make_anomaly("disk failed"),
    release(),
)
MANY = {kind.__name__: kind for kind in RECORDS}


def try_record(kind: type[Record], data: bytes) -> None:
    try:
        record = codecs.decode(data, kind, "topic/0/1")
    except RecordError as error:
        assert error.reason in ("empty", "not-json", "wrong-shape")
        assert_refused(error)
        return
    assert_record(record)
    USES[kind](record)


@cache
def decoder_of(kind: type[Record]) -> Decoder:
    valid = [made(Random(seed), kind) for seed in range(30)]
    realistic = [each for each in REALISTIC if type(each) is kind] * 20
    return Decoder(
        kind.__name__, [codecs.encode(each) for each in (*valid, *realistic)], lambda data: try_record(kind, data)
    )


@pytest.mark.parametrize("kind", RECORDS, ids=MANY)
@seeded(100)
@given(random=RANDOMS)
def test_a_valid_record_survives_encoding_and_is_used(kind: type[Record], random: Random) -> None:
    record = made(random, kind)
    assert_record(record)
    USES[kind](record)


@pytest.mark.parametrize("kind", RECORDS, ids=MANY)
@seeded(300)
@given(random=RANDOMS)
def test_any_bytes_are_a_record_or_a_dead_letter(kind: type[Record], random: Random) -> None:
    decoder_of(kind)(random)


@pytest.mark.long
@pytest.mark.parametrize("kind", RECORDS, ids=MANY)
def test_a_hundred_thousand_records_are_used_or_dead_letters(kind: type[Record]) -> None:
    try_many(kind.__name__, decoder_of(kind))
