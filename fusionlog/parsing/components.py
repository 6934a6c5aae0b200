"""The components of a system: the programs, classes or subsystems that its headers name."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from fusionlog.parsing.headers import Fields
from fusionlog.parsing.session_keys import KeyMatch
from fusionlog.parsing.templates import WILDCARD

MAX_COMPONENTS = 512
"""Of a system; a later one is a wildcard. A format that calls a request id a component would flood the events else."""

MAX_CHARS = 200


class Components:
    """Header names to components: masked, and never more than `MAX_COMPONENTS` of them."""

    def __init__(self, mask: Callable[[str], str]) -> None:
        self._mask = mask
        self._known: dict[str, str] = {}
        self._components: set[str] = set()

    def of(self, name: str) -> str:
        """The component of a name; a wildcard where the name is overlong or the cap is reached."""
        if len(name) > MAX_CHARS:
            return WILDCARD
        component = self._known.get(name)
        if component is None:
            component = self._admit(self._mask(name))
            if len(self._known) >= 4 * MAX_COMPONENTS:
                self._known.clear()
            self._known[name] = component
        return component

    def of_line(self, line: str, header: Fields, matches: Sequence[KeyMatch], fields: Sequence[slice]) -> str | None:
        """The component of a line: a session key within its name is masked, as in the content.

        :param fields: the places of keys that are a field of the header.
        """
        name, first = header.component, header.named
        if not name:
            return None
        last = first + len(name)
        if first >= 0 and matches and matches[0][2] < last and first < matches[-1][3]:
            for _, _, start, stop in matches:
                if first <= start and stop <= last:
                    return self.of(f"{line[first:start]}<KEY>{line[stop:last]}")
        if fields and any(first <= key.start and key.stop <= last for key in fields):
            return self.of("<KEY>")
        return self.of(name)

    def _admit(self, component: str) -> str:
        if component not in self._components and len(self._components) >= MAX_COMPONENTS:
            return WILDCARD
        self._components.add(component)
        return component
