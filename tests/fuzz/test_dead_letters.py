"""Whatever stands on the dead-letter topic, in a commit's metadata and in a crash note is read, or left out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

import msgspec
import pytest
from aiokafka import TopicPartition
from hypothesis import given

from fusionlog.cli import deadletter as command
from fusionlog.errors import RecordError
from fusionlog.kafka import codecs, crash_notes, dead_letters
from fusionlog.records import Window
from fusionlog.settings import Settings
from fusionlog.workers.ingest import resume_state
from fusionlog.workers.ingest.origins import Origins
from fusionlog.workers.ingest.resume_state import Emitted, from_metadata, metadata_of, to_metadata
from tests.factories import make_window
from tests.fuzz import mutation
from tests.fuzz.mutation import TEXTS
from tests.fuzz.trials import RANDOMS, seeded, try_many

HEADERS = codecs.dead_letter_headers(RecordError("not-json", "at byte 3"), "ingest", "logs.raw.shop", 1, 42, 12.5, 3)
NUMBERS = (
    b"",
    b"-1",
    b"nan",
    b"inf",
    b"-inf",
    b"1e999",
    b"9" * 400,
    b"9" * 5_000,
    b"253402300800",
    b"-1e300",
    b"\xff",
    b"1_0",
    "٣".encode(),
    None,
)


@dataclass
class Letter:
    """A record of the topic."""

    offset: int
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes | None]]


def letter_of(random: Random, offset: int) -> Letter:
    headers: list[tuple[str, bytes | None]] = list(HEADERS)
    for _ in range(random.randint(0, 3)):
        place = random.randrange(len(headers))
        name, _ = headers[place]
        headers[place] = name, random.choice((*NUMBERS, random.choice(TEXTS).encode("utf-8", "replace")))
    if random.random() < 0.3:
        del headers[random.randrange(len(headers))]
    if random.random() < 0.2:
        headers.append((dead_letters.REPLAYED, random.choice((b"logs.raw.shop/1/42.3", b"", b"\xff", None))))
    values = (None, b"", b"\x00\xff", b"x" * 5_000, random.choice(TEXTS).encode("utf-8", "replace"))
    return Letter(offset, random.choice(values), random.choice(values), headers)


def try_letters(random: Random) -> None:
    """List, choose and show dead letters."""
    letters = [letter_of(random, offset) for offset in range(random.randint(1, 5))]
    try:
        found = dead_letters.letters_of(letters)  # type: ignore[arg-type]
        dead_letters.chosen(found, reason="not-json")
        for letter in found:
            shown = "\n".join(command._whole(letter))
            assert len(shown) < 20_000
            msgspec.json.encode(command._tree(letter))
            command._obstacle(Settings(), letter, again=False)
        list(command._summary(found))
    except BaseException as error:
        error.add_note(repr(letters)[:3_000])
        raise


METADATA = (
    to_metadata({TopicPartition("fusionlog.windows.general", 1): 7}, 5, Origins({0: (1, 2, 3, 4)})).encode(),
    to_metadata({}, 0).encode(),
    b"",
)


def try_metadata(random: Random) -> None:
    """The metadata of a commit, as any client may write it."""
    text = mutation.record(random, METADATA).decode("utf-8", "replace")
    try:
        found, places = metadata_of(text), from_metadata(text)
        assert (found is None) == (places is None)
        if found is not None and places is not None:
            to_metadata(places, found.epoch, found.origins)
    except BaseException as error:
        error.add_note(repr(text)[:3_000])
        raise


NOTES = (msgspec.json.encode(crash_notes.Suspect(3, 7, 2, "ZeroDivisionError: x")), b"")


def try_note(random: Random) -> None:
    """A crash note, as any client may write it."""
    text = mutation.record(random, NOTES).decode("utf-8", "replace")
    try:
        found = crash_notes._decoded(text)
        if found is not None:
            assert crash_notes._mark(crash_notes.after_death(found, 3, 5, "record", ValueError("x")))
            found.verdict()
    except BaseException as error:
        error.add_note(repr(text)[:3_000])
        raise


WINDOWS = tuple(codecs.encode(each) for each in (make_window(), make_window("a", "b", first_offset=4)))


def try_emitted(random: Random) -> None:
    """A record of a window topic, as a resuming ingest worker reads it."""
    data = mutation.record(random, WINDOWS)
    try:
        emitted = resume_state._decoded(msgspec.json.Decoder(Emitted), data)
        covered = resume_state.CoveredLines([emitted], by_session=True)
        covered.covers("s1", (1, 0))
        resume_state.CoveredOrigins([emitted])
        codecs.decode(data, Window)
    except RecordError:
        return
    except BaseException as error:
        error.add_note(repr(data)[:3_000])
        raise


TRIALS: tuple[Callable[[Random], None], ...] = (try_letters, try_metadata, try_note, try_emitted)


@pytest.mark.parametrize("trial", TRIALS)
@seeded(300)
@given(random=RANDOMS)
def test_whatever_is_read_is_used_or_left_out(trial: Callable[[Random], None], random: Random) -> None:
    trial(random)


@pytest.mark.long
@pytest.mark.parametrize("trial", TRIALS)
def test_a_hundred_thousand_of_each_are_used_or_left_out(trial: Callable[[Random], None]) -> None:
    try_many(trial.__name__, trial, each=3 if trial is try_letters else 1)
