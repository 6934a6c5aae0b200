"""YAML without repeated keys: a key that stands twice in a mapping is an error; YAML itself would keep the last."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import yaml


def load(text: str) -> object:
    """The tree of a YAML text.

    :raises Exception: it is not YAML, or has a key twice; YAML's own constructors raise many kinds.
    """
    return yaml.load(text, _UniqueKeys)


class _UniqueKeys(yaml.SafeLoader):
    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[object] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, Hashable) or key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key!r} stands twice", key_node.start_mark
                )
            seen.add(key)
        return super().construct_mapping(node, deep)
