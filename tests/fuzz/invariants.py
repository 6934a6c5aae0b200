"""What holds of every error and every output, whatever came in."""

from __future__ import annotations

import re
from typing import get_args

from fusionlog.errors import MOST_CHARS, FusionLogError, Reason, RecordError
from fusionlog.kafka import codecs
from fusionlog.records import Record
from tests.fuzz.mutation import SECRET

REASONS = frozenset(get_args(Reason))
_BREAKS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def assert_sentence(error: BaseException, secret: str = SECRET) -> None:
    """One line of bounded length, without what is secret, that any terminal and log takes."""
    assert isinstance(error, FusionLogError), f"{type(error).__name__} is no documented error"
    shown = str(error)
    assert shown and len(shown) <= MOST_CHARS and not _BREAKS.search(shown), repr(shown[:300])
    assert secret not in shown, repr(shown)
    shown.encode()


def assert_refused(error: RecordError) -> None:
    """A dead letter that can be written: a reason of the list, headers of bounded size."""
    assert error.reason in REASONS
    assert_sentence(error, secret="\x00")  # A dead letter stays where the record is, which has the text itself.
    headers = codecs.dead_letter_headers(error, "ingest", "topic", 0, 1, 2.0)
    assert sum(len(name) + len(value) for name, value in headers) < 4 * MOST_CHARS


def assert_record(record: Record) -> None:
    """A record that its own schema takes, unchanged, under a key."""
    data = codecs.encode(record)
    assert codecs.decode(data, type(record)) == record
    codecs.key_of(record).encode()
