"""The methods that `evaluate` compares, by name. A method's own module imports `bench`, never this one."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from fusionlog.evaluation.bench import Bench, Method

__all__ = ["METHODS", "Bench", "Method"]

METHODS: Mapping[str, Method] = MappingProxyType({})
