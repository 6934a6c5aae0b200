"""Shippers' envelopes: the log lines of a Kafka record, as text and with what the envelope has about them."""

from fusionlog.parsing.envelopes.raw_line import Partial, RawLine
from fusionlog.parsing.envelopes.reader import EnvelopeReader, read_line

__all__ = ["EnvelopeReader", "Partial", "RawLine", "read_line"]
