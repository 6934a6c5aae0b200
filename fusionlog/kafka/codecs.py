"""Records as bytes and back, keys, and the headers of a dead letter."""

from __future__ import annotations

from functools import cache
from typing import TypeVar

import msgspec

from fusionlog import records
from fusionlog.errors import RecordError
from fusionlog.topics import BY_RAW_PARTITION, Topic

Headers = list[tuple[str, bytes]]
R = TypeVar("R", bound=records.Record)
T = TypeVar("T")

# Kafka counts a record's frame, key and headers too.
FRAME_BYTES = 16 * 1024

_ENCODER = msgspec.json.Encoder()


def encode(record: records.Record) -> bytes:
    """The record as JSON; bytes within it as base64."""
    return _ENCODER.encode(record)


def decode(data: bytes | None, kind: type[R], where: str = "") -> R:
    """The record that `encode` wrote. `where` (topic/partition/offset) goes into the error.

    No bytes raise anything else.

    :raises RecordError: `empty`, `not-json`, or `wrong-shape` with the field that is wrong.
    """
    suffix = f" (at {where})" if where else ""
    if not data:
        raise RecordError("empty", f"a {kind.__name__} has no value{suffix}")
    try:
        record: R = _decoder(kind).decode(data)
    except msgspec.ValidationError as error:
        raise RecordError("wrong-shape", f"not a {kind.__name__}: {error}{suffix}") from error
    except RecursionError as error:
        raise RecordError("not-json", f"not a {kind.__name__}: it is nested too deep{suffix}") from error
    except Exception as error:  # a decoder of bytes from anywhere: whatever it raises is the record's fault
        raise RecordError("not-json", f"not a {kind.__name__}: {_text_of(error)}{suffix}") from error
    return record


def _text_of(error: Exception) -> str:
    expected = isinstance(error, msgspec.DecodeError | UnicodeDecodeError)
    return str(error) if expected else f"{type(error).__name__}: {error}"


@cache
def _decoder(kind: type[R]) -> msgspec.json.Decoder[R]:
    return msgspec.json.Decoder(kind)


def decode_leniently(data: bytes | str, decoder: msgspec.json.Decoder[T]) -> T | None:
    """What these bytes hold; None where they hold something else, whatever a decoder raises on them."""
    try:
        return decoder.decode(data)
    except Exception:  # invalid JSON, text or type, or nested too deep: it is not ours
        return None


def place(topic: str, partition: int, offset: int) -> str:
    """The place of a record, topic/partition/offset, as `decode` and the logs write it."""
    return f"{topic}/{partition}/{offset}"


def key_of(record: records.Record) -> str:
    """The key that a record has on its topic (see `fusionlog.topics`).

    :raises TypeError: not a record that has a topic.
    """
    match record:
        case records.Window() | records.Anomaly():
            return f"{record.system}/{record.session}"
        case records.KeyedLine():
            return record.session
        case records.PseudoLabel() | records.Explanation():
            return f"{record.system}/{record.shape}"
        case records.ModelRelease():
            return f"{record.system}/{record.version}"
        case records.Template():
            return f"{record.system}/{record.id}"
        case records.Incident():
            return record.id
        case records.Notification():
            return f"{record.target}/{record.incident}"
        case records.Feedback():
            scope = "absent" if record.absent else record.scope
            return f"{record.system}/{scope}/{record.event or record.shape}"
        case records.Spend():
            return f"{record.worker}/{record.minute}/{record.role}/{record.system}"
        case records.WorkerState():
            return f"{record.role}/{record.worker}"
        case records.Training():
            return record.key
    raise TypeError(f"{type(record).__name__} has no topic")


def key_on(topic: Topic, record: records.Record) -> str:
    """The key that a record has on a topic that records of its type may be sent to.

    :raises TypeError: not a record that has a topic.
    """
    if isinstance(record, records.Window) and topic.key == BY_RAW_PARTITION:
        return f"{record.system}/{record.partition}"
    return key_of(record)


def dead_letter_headers(
    error: RecordError,
    stage: str,
    topic: str,
    partition: int,
    offset: int,
    now: float,
    index: int = 0,
    replayable: bool = True,
) -> Headers:
    """Headers `fusionlog.…`: why (reason, detail), where (stage, topic, partition, offset, and the index of the line in
    its record), when (Unix seconds).

    :param replayable: whether the value is what the topic had; if not, the header `replayable` is `no`.
    """
    fields = {
        "reason": error.reason,
        "detail": error.detail[:1000],
        "stage": stage,
        "topic": topic,
        "partition": str(partition),
        "offset": str(offset),
        "index": str(index),
        "time": f"{now:.3f}",
    } | ({} if replayable else {"replayable": "no"})
    return [(f"fusionlog.{name}", value.encode("utf-8", "replace")) for name, value in fields.items()]


def dead_letter_value(value: bytes | None, topic: Topic) -> bytes:
    """A record's own bytes, cut where the dead-letter topic would refuse them."""
    return (value or b"")[: topic.max_message_bytes - FRAME_BYTES]
