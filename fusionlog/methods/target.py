"""The target system of a fold during a run."""

from __future__ import annotations

from fusionlog.methods.base import MethodContext
from fusionlog.methods.protocol import Fold
from fusionlog.methods.stream_target import UNBOUNDED, StreamTarget
from fusionlog.rules import DEFAULT_METHOD, MethodName


class Target(StreamTarget):
    """The target of a fold under the rules of a method.

    :param calls: the most calls to the teacher.
    """

    def __init__(
        self, fold: Fold, context: MethodContext, method: MethodName = DEFAULT_METHOD, calls: int = UNBOUNDED
    ) -> None:
        self.fold, self.context = fold, context
        super().__init__(fold.target, fold.system, context.settings, context.encode, context.teacher, method, calls)
