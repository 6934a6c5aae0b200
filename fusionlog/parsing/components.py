"""The components of a system: the programs, classes or subsystems that its headers name."""

from __future__ import annotations

from collections.abc import Callable

from fusionlog.parsing.templates import WILDCARD
from fusionlog.utils.bounded_cache import BoundedCache

MAX_COMPONENTS = 512
"""Of a system; a later one is a wildcard. A format that calls a request id a component would flood the events else."""

MAX_CHARS = 200


class Components:
    """Header names to components: masked, and never more than `MAX_COMPONENTS` of them."""

    def __init__(self, mask: Callable[[str], str]) -> None:
        self._mask = mask
        self._cache: BoundedCache[str, str] = BoundedCache(4 * MAX_COMPONENTS)
        self._components: set[str] = set()

    def of(self, name: str) -> str:
        """The component of a name; a wildcard where the name is overlong or the cap is reached."""
        if len(name) > MAX_CHARS:
            return WILDCARD
        component = self._cache.get(name)
        if component is None:
            component = self._admit(self._mask(name))
            self._cache.put(name, component)
        return component

    def _admit(self, component: str) -> str:
        if component not in self._components and len(self._components) >= MAX_COMPONENTS:
            return WILDCARD
        self._components.add(component)
        return component
