"""Makes a worker process fail at what names poison. Python imports it at start where this folder is on its path."""

from __future__ import annotations

import os
from typing import Any


def _fails(module: Any, name: str, poisoned: Any) -> None:
    real = getattr(module, name)

    def fail(*args: Any, **kwargs: Any) -> Any:
        if poisoned(*args, **kwargs):
            raise ZeroDivisionError("poisoned")
        return real(*args, **kwargs)

    setattr(module, name, fail)


def _holds_poison(*args: Any, **kwargs: Any) -> bool:
    return b"poison" in repr((args, kwargs)).encode()


match os.environ.get("TEST_FAULT", ""):
    case "line":
        from fusionlog.parsing import windows

        _fails(windows.Windower, "add", lambda self, event, *rest: "poison" in event.line)
    case "window":
        from fusionlog.online import knowledge

        _fails(knowledge.Knowledge, "route", _holds_poison)
    case "anomaly":
        from fusionlog.workers import anomaly_record

        _fails(anomaly_record, "by_model", _holds_poison)
        _fails(anomaly_record, "by_teacher", _holds_poison)
    case "explanation":
        from fusionlog.explanation import priority_pool

        _fails(priority_pool.Pool, "get", _holds_poison)
