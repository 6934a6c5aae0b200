"""Which teacher speaks: the language model where an endpoint is configured, else the offline one."""

from __future__ import annotations

from collections.abc import Sequence

from fusionlog.errors import MissingExtraError
from fusionlog.labeling.formula import Formula
from fusionlog.labeling.offline import OfflineTeacher
from fusionlog.labeling.teacher import Teacher
from fusionlog.records import BankEvent
from fusionlog.settings import Settings
from fusionlog.types import Encode


def make_teacher(
    settings: Settings, known: Sequence[BankEvent], encode: Encode, formula: Formula | None = None
) -> Teacher:
    """The teacher of the settings; its `name` says which one it is (`llm:<model>`, `offline`).

    :param known: the sources' events, for the offline teacher.
    :param formula: what the sources taught it.
    :raises SettingError: the endpoint's URL is none.
    :raises MissingExtraError: an endpoint is configured and `openai` is not installed.
    """
    if settings.label.url is None:
        return OfflineTeacher(known, encode, formula)
    try:
        from fusionlog.labeling.llm import LLMTeacher
    except ModuleNotFoundError as error:
        raise MissingExtraError(error.name or "openai", "agents", "asking a language model") from error
    return LLMTeacher(settings.label)
