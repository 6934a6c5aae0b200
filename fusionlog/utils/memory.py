"""The peak of this process's resident memory, within one piece of work."""

from __future__ import annotations

import re
import resource
from contextlib import suppress
from pathlib import Path

RESET = "5"
"""Written to `clear_refs`, it lowers the peak to what is resident now (proc(5), from Linux 4.0 on)."""
_PEAK = re.compile(r"^VmHWM:\s+(\d+) kB$", re.M)


def reset_peak() -> None:
    """Begin a new peak, where the system allows it; else the peak stays that of the process."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text(RESET)


def peak_bytes() -> int:
    """The peak since the last reset, in bytes; shared memory that was read counts, too."""
    with suppress(OSError):
        if found := _PEAK.search(Path("/proc/self/status").read_text()):
            return int(found[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
