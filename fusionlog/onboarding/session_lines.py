"""The lines of one session, out of the records of its partition."""

from __future__ import annotations

from collections.abc import Sequence

from fusionlog.kafka import codecs
from fusionlog.onboarding.sample import SampleRecord
from fusionlog.parsing.envelopes import EnvelopeReader
from fusionlog.parsing.parser import Parser
from fusionlog.records import KeyedLine
from fusionlog.settings import IngestSettings, SystemSettings
from fusionlog.topics import Topics
from fusionlog.workers.ingest.keying import KeyingProcessor, LineKeyer
from fusionlog.workers.ingest.made import KeyedLines
from fusionlog.workers.ingest.resume_state import OutputOffsets, ResumeState


def session_lines(
    name: str, system: SystemSettings, ingest: IngestSettings, records: Sequence[SampleRecord], session: str
) -> list[str]:
    """The lines of a session, in the order of their partition, joined and unpacked as an ingest worker does it.

    :param session: of a window by count, whose key is of no line, all lines are of it.
    :param records: of one partition, in order.
    """
    if not records:
        return []
    parser = Parser(name, system, ingest)
    topic = f"sample.{name}"
    keyer = LineKeyer(Topics().keyed(name), 1, topic, records[0].partition, 0)
    now = max((record.timestamp / 1000 for record in records), default=0.0)
    processor = KeyingProcessor(
        name, system, ingest, parser, keyer, records[0].offset, ResumeState(OutputOffsets()), clock=lambda: now,
        reader=EnvelopeReader(system, ingest),
    )  # fmt: skip
    made = processor.take(records)
    now += 2 * (ingest.silence_seconds or system.window.idle_seconds) + system.multiline.wait_seconds
    found = [
        codecs.decode(value, KeyedLine)
        for each in (*made, *processor.silent())
        if isinstance(each, KeyedLines)
        for _, value in each.records[0]
    ]
    found.sort(key=lambda line: (line.offset, line.index))
    by_count = not any(line.session == session for line in found)
    return [line.text for line in found if line.session == session or (by_count and line.member == 0)]
