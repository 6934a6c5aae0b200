"""The line of a program's output that has the reason of its failure."""

from __future__ import annotations

import re
from collections.abc import Sequence

_EXCEPTION = re.compile(r"(?:[A-Za-z_]\w*\.)*[A-Z]\w*(?:Error|Exception|Interrupt|Exit|Timeout)(?:\(\w+\))?(?::|$)")


def failure_line(lines: Sequence[str]) -> str:
    """The last line that is an exception's, `ValueError: ...`; where none is, the last one with a letter or digit.

    Both streams of a job are one log, and what was printed before an exception may come after it.

    :return: empty where no line has a letter or digit.
    """
    stripped = [line.strip() for line in lines]
    exceptions = [line for line in stripped if _EXCEPTION.match(line)]
    worded = [line for line in stripped if any(map(str.isalnum, line))]
    return (exceptions or worded or [""])[-1]
