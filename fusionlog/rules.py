"""The methods that a system can be watched by, and what each of them does: the one table that workers and evaluation
read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from fusionlog.types import RouteKind

MethodName = Literal["fusionlog+online", "fusionlog", "generallog", "source-only", "llm-only", "offline"]
DEFAULT_METHOD: MethodName = "fusionlog+online"


@dataclass(frozen=True, slots=True)
class Rules:
    """What a method does with a system's windows.

    :param model: the small model has a say; without it every window goes to the teacher.
    :param teacher: the teacher is asked about what is proprietary; without it the model has the only say.
    :param for_good: it is still asked when the system has a release of its own.
    :param doubts: it is also asked for a second opinion on general windows (see `online.second_opinion`).
    :param learns: what it says of events enters the bank, and the releases distilled from that are adopted; otherwise
        its word counts for the shape alone that it was asked about.
    :param offline: the teacher is the offline labeller, whatever endpoint is configured.
    """

    model: bool
    teacher: bool
    for_good: bool
    doubts: bool
    learns: bool
    offline: bool = False

    def asks(self, own: bool) -> bool:
        """Whether the teacher is asked.

        :param own: whether the system has a release of its own.
        """
        return self.teacher and (self.for_good or not own)

    def kind(self, routed: RouteKind, own: bool) -> RouteKind:
        """Where a window goes that the router would send to `routed`."""
        if not self.model:
            return "proprietary"
        return routed if self.asks(own) else "general"


RULES: Mapping[MethodName, Rules] = MappingProxyType(
    {
        "fusionlog+online": Rules(model=True, teacher=True, for_good=True, doubts=True, learns=True),
        "fusionlog": Rules(model=True, teacher=True, for_good=False, doubts=True, learns=True),
        "generallog": Rules(model=True, teacher=True, for_good=True, doubts=False, learns=False),
        "source-only": Rules(model=True, teacher=False, for_good=False, doubts=False, learns=False),
        "llm-only": Rules(model=False, teacher=True, for_good=True, doubts=False, learns=False),
        "offline": Rules(model=False, teacher=True, for_good=True, doubts=False, learns=False, offline=True),
    }
)
"""What each method does: FusionLog (arXiv 2511.05878) with and without the teacher at inference time, GeneralLog (arXiv
2511.05882), the sources' model alone, the teacher alone, the offline labeller alone."""
