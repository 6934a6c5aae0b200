"""The detection methods, and what each does with a system's windows: one table, which workers and evaluation read."""

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

    :param model: the small model scores general windows; without it every window goes to the teacher.
    :param teacher: the teacher labels proprietary windows; without it the model scores every window.
    :param after_release: the teacher labels on when the system has a release of its own.
    :param second_opinion: the teacher gives a second opinion on general windows, too (see `online.second_opinion`).
    :param adapts: the teacher's labels of events enter the bank, and releases distilled from its labels are taken into
        use; otherwise a label counts for its own window shape alone.
    :param offline: the teacher is the offline one, whatever endpoint is configured.
    """

    model: bool
    teacher: bool
    after_release: bool
    second_opinion: bool
    adapts: bool
    offline: bool = False

    def queries_teacher(self, own: bool) -> bool:
        """Whether the teacher labels the system's windows.

        :param own: whether the system has a release of its own.
        """
        return self.teacher and (self.after_release or not own)

    def kind(self, routed: RouteKind, own: bool) -> RouteKind:
        """The route of a window under this method, where the router's is `routed`."""
        if not self.model:
            return "proprietary"
        return routed if self.queries_teacher(own) else "general"


RULES: Mapping[MethodName, Rules] = MappingProxyType(
    {
        "fusionlog+online": Rules(model=True, teacher=True, after_release=True, second_opinion=True, adapts=True),
        "fusionlog": Rules(model=True, teacher=True, after_release=False, second_opinion=True, adapts=True),
        "generallog": Rules(model=True, teacher=True, after_release=True, second_opinion=False, adapts=False),
        "source-only": Rules(model=True, teacher=False, after_release=False, second_opinion=False, adapts=False),
        "llm-only": Rules(model=False, teacher=True, after_release=True, second_opinion=False, adapts=False),
        "offline": Rules(
            model=False, teacher=True, after_release=True, second_opinion=False, adapts=False, offline=True
        ),
    }
)
"""What each method does: FusionLog (arXiv 2511.05878) with and without the teacher at inference time, GeneralLog (arXiv
2511.05882), the sources' model alone, the teacher alone, the offline teacher alone."""
