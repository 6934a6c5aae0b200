"""The tiny data directory of the evaluation's tests."""

from __future__ import annotations

from tests.evaluation.conftest import data

__all__ = ["data"]
