"""Log configuration: structlog's and the standard library's records in one form, on standard error."""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence

import structlog
from structlog.typing import Processor

from fusionlog.settings import Settings
from fusionlog.utils.masking import masked_text

# Libraries that log more than an operator needs: what matters of it is in our own lines.
QUIET = ("aiokafka", "faust", "mode", "httpx", "httpx2", "httpcore", "httpcore2", "openai", "asyncio", "drain3")
REPEAT_SECONDS = 30.0
# What aiokafka logs while Kafka is away, for each of its connections: the worker's own sentence is enough.
OUTAGE = (
    "Unable connect to", "Unable to request metadata", "Unable to update metadata", "Failed fetch messages",
    "Failed fetch offsets", "Group Coordinator Request failed", "Heartbeat send request failed",
    "Heartbeat session expired", "Error sending %s to node", "LeaveGroup request failed",
    "FindCoordinator Request failed",
    "Could not send", "Cannot send", "Got error produce response", "OffsetCommit failed before join",
    "Failed to commit on finallization",
)  # fmt: skip


class RepeatFilter(logging.Filter):
    """Drops a library's repeated messages: aiokafka logs the same one ten times a second while Kafka is away."""

    def __init__(self, seconds: float = REPEAT_SECONDS) -> None:
        super().__init__()
        self._seconds = seconds
        self._logged: dict[tuple[str, str], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the message is no echo of an outage, and was not logged in the last `seconds`. Ours pass."""
        if not record.name.startswith(QUIET):
            return True
        if record.name.startswith("aiokafka") and str(record.msg).startswith(OUTAGE):
            return False
        key = record.name, str(record.msg)
        if record.created - self._logged.get(key, 0.0) < self._seconds:
            return False
        self._logged[key] = record.created
        return True


class MaskingFormatter(structlog.stdlib.ProcessorFormatter):
    """Renders a record, its exception included, with the logins of URLs masked, whoever logged it."""

    def format(self, record: logging.LogRecord) -> str:
        """The line of a record."""
        return masked_text(super().format(record))


def configure(settings: Settings) -> None:
    """Configure logs by the settings' level and form (console, json). Libraries log warnings and errors alone."""
    level = logging.getLevelNamesMapping()[settings.log_level.upper()]
    shared = _shared(settings.log_format)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(RepeatFilter())
    handler.setFormatter(_formatter(settings.log_format, shared))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in QUIET:
        logging.getLogger(name).setLevel(max(level, logging.WARNING))


def _shared(form: str) -> list[Processor]:
    exceptions: list[Processor] = [structlog.processors.format_exc_info] if form == "json" else []
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        *exceptions,
    ]


def _formatter(form: str, shared: Sequence[Processor]) -> logging.Formatter:
    renderer: Processor = (
        structlog.processors.JSONRenderer()
        if form == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    return MaskingFormatter(
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        foreign_pre_chain=list(shared),
    )
