"""The errors that FusionLog raises: a message names the setting, topic or file, the bad value, and the remedy."""

from __future__ import annotations

import re
import reprlib
from typing import Literal

MOST_CHARS = 2_000
"""Characters of a message, at most: what came in may be as long as a record."""
SHOWN_CHARS = 400
"""Characters of a bad value in a message, at most."""

Reason = Literal[
    "empty", "not-json", "wrong-shape", "unknown-system", "not-usable", "no-type", "no-label", "no-verdict",
    "no-events", "no-explanation", "not-delivered", "crash-loop", "too-long", "too-many-lines", "window-too-large",
    "no-session-key", "not-text", "not-logs", "offset-order", "parser-failed", "slow-expression",
    "unsigned", "unknown-key", "bad-signature", "wrong-signer", "retired-key", "replayed",
]  # fmt: skip
"""Why a record is a dead letter; docs/operations.md has what each is, and what to do."""

_BREAKS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_REPR = reprlib.Repr()
_REPR.maxstring = _REPR.maxother = 300
_REPR.maxlong = 40
_REPR.maxdict = _REPR.maxlist = _REPR.maxtuple = _REPR.maxset = _REPR.maxfrozenset = 10


def sentence(text: str) -> str:
    """A text as one line of bounded length that any terminal and log takes."""
    line = _BREAKS.sub(" ", text[: 2 * MOST_CHARS]).encode("utf-8", "replace").decode()
    return line if len(line) <= MOST_CHARS else f"{line[: MOST_CHARS - 1]}…"


def shown(value: object) -> str:
    """A value as its beginning, for a message."""
    try:
        text = _REPR.repr(value)
    except ValueError:  # a number of thousands of digits
        return f"a number of type {type(value).__name__}"
    return text if len(text) <= SHOWN_CHARS else f"{text[: SHOWN_CHARS - 1]}…"


class FusionLogError(Exception):
    """Base of all of them; the CLI prints its message as one sentence and exits with 2."""

    def __init__(self, message: str = "") -> None:
        super().__init__(sentence(message))


class _NotShown:
    """Stands for a value that no message may have."""

    def __repr__(self) -> str:
        return "set (its value is not shown)"


NOT_SHOWN = _NotShown()
"""The value of a `SettingError` on a setting that is a secret, or may be one."""


class SettingError(FusionLogError):
    """A setting is missing or has a value that cannot be used."""

    def __init__(self, setting: str, value: object, remedy: str) -> None:
        self.setting, self.value, self.remedy = setting, value, remedy
        super().__init__(f"setting {setting} is {shown(value)}: {remedy}")

    def within(self, place: str) -> SettingError:
        """The error of a setting that stands in another one, such as a system's entry."""
        return SettingError(f"{place}.{self.setting}", self.value, self.remedy)


class DataError(FusionLogError):
    """A file or directory of data is missing or not of the form that `datasets/README.md` describes."""

    def __init__(self, path: object, problem: str, remedy: str) -> None:
        self.path, self.problem, self.remedy = str(path), problem, remedy
        super().__init__(f"{path}: {problem}; {remedy}")


class WriteError(FusionLogError):
    """A file cannot be written: the disk is full, or it is not ours to write."""

    def __init__(self, path: object, problem: str) -> None:
        self.path = str(path)
        super().__init__(
            f"{path} cannot be written ({problem}): make room there or name another place, and run it again"
        )


class RecordError(FusionLogError):
    """A Kafka record, or a line of one, cannot be used. `reason` is a short code that the dead-letter topic carries;
    `detail` is one line of bounded length.

    `item` has the bytes of the line where the record holds others too.
    """

    def __init__(self, reason: Reason, detail: str, item: bytes | None = None) -> None:
        self.reason, self.detail, self.item = reason, sentence(detail), item
        super().__init__(f"{reason}: {self.detail}")


class BrokerError(FusionLogError):
    """Kafka does not answer, refuses, or its topics are not as they must be."""


class BrokerAwayError(BrokerError):
    """Kafka does not answer now: waiting may help."""


class BrokerRefusedError(BrokerError):
    """Kafka refuses the login, the certificate or the permission, or the client refuses Kafka's certificate: a setting
    must change."""


class ModelError(FusionLogError):
    """A model release does not verify, does not load, or does not fit the encoder."""


class ReleaseError(ModelError):
    """The model of one release failed on windows. `version` is the release's."""

    def __init__(self, version: str, message: str) -> None:
        self.version = version
        super().__init__(message)


class TeacherError(FusionLogError):
    """The teacher gave no usable answer. `retry_after` is in seconds, None where a retry is pointless."""

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        self.retry_after = retry_after
        super().__init__(message)


class RayError(FusionLogError):
    """A Ray cluster does not answer, or a job on it failed."""


class MissingExtraError(FusionLogError):
    """A package of an extra that is not installed is needed."""

    def __init__(self, package: str, extra: str, purpose: str) -> None:
        self.package, self.extra = package, extra
        super().__init__(f"{purpose} needs {package}: install it with  pip install 'fusionlog[{extra}]'")
