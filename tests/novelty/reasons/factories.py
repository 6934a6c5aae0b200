"""Evidence for tests."""

from __future__ import annotations

from typing import Any

from fusionlog.records import Evidence, template_id


def make_evidence(text: str = "payment refused", **fields: Any) -> Evidence:
    values: dict[str, Any] = {"template": template_id(text), "text": text, "example": text, "count": 1}
    return Evidence(**{**values, **fields})


def make_absent(text: str = "payment accepted", share: float = 0.99, windows: int = 1424) -> Evidence:
    return make_evidence(
        text, example="", count=0, absent=True, typical=1, share=share, windows=windows, beside="order reserved"
    )
