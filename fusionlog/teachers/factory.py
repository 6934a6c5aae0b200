"""The choice of a teacher: the language model where an endpoint is configured, else the offline one.

Also the check of the labeller, which chooses the windows that a call is about."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from fusionlog.errors import MissingExtraError, SettingError
from fusionlog.records import BankEvent, LogisticRegression
from fusionlog.rules import RULES
from fusionlog.settings import Settings
from fusionlog.teachers.base import Teacher
from fusionlog.teachers.offline.teacher import OfflineTeacher
from fusionlog.types import Encode

if TYPE_CHECKING:
    from fusionlog.teachers.llm.budget import CallBudget


def make_teacher(
    settings: Settings, known: Sequence[BankEvent], encode: Encode, regression: LogisticRegression | None = None,
    budget: CallBudget | None = None,
) -> Teacher:  # fmt: skip
    """The teacher that the settings name; its `name` is `llm:<model>` or `offline`.

    :param known: the sources' events, for the offline teacher.
    :param regression: the regression that was fitted on the sources, for the offline teacher.
    :param budget: what calls of the language model are charged to; default: the calls of an hour, of this process.
    :raises SettingError: the endpoint's URL is not valid.
    :raises MissingExtraError: an endpoint is configured and `openai` is not installed.
    """
    if settings.label.url is None:
        return OfflineTeacher(known, encode, regression)
    try:
        from fusionlog.teachers.llm.teacher import LLMTeacher
    except ModuleNotFoundError as error:
        raise MissingExtraError(error.name or "openai", "agents", "asking a language model") from error
    return LLMTeacher(settings.label, budget=budget)


def check_labeller(settings: Settings) -> None:
    """Check that the labeller fits the other settings.

    :raises SettingError: the labeller is alpha, and no LLM is configured, or a call holds fewer windows than a cluster
        has representatives, or the method of a system propagates no label to another shape.
    """
    if settings.label.labeller != "alpha":
        return
    if settings.label.url is None:
        raise _no_alpha("it spares calls of an LLM, and there is none: name one in FUSIONLOG_LABEL__URL")
    least = settings.alpha.central + settings.alpha.uncertain
    if least > settings.label.units_per_call:
        raise SettingError(
            "FUSIONLOG_LABEL__UNITS_PER_CALL",
            settings.label.units_per_call,
            f"one call must hold a cluster's {least} representatives (FUSIONLOG_ALPHA__CENTRAL and __UNCERTAIN)",
        )
    methods = {settings.method_of(system) for system in settings.systems} or {settings.method}
    for method in sorted(methods):
        if RULES[method].teacher and not RULES[method].adapts:
            raise _no_alpha(f"under method {method} the teacher is asked about every shape and none inherits")


def _no_alpha(problem: str) -> SettingError:
    return SettingError("FUSIONLOG_LABEL__LABELLER", "alpha", f"{problem}; or take direct")
