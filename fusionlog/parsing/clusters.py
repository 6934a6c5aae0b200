"""Drain3's clusters in memory: its tree and its merge, with a search that is bounded and a cap that costs little.

A cluster is compared with the lines that have as many tokens, the same constants and the same first tokens: those are
the clusters of one *leaf* of Drain3's tree. Drain3 compares with every one of them, however many there are, and looks
for the least used of all in a cache of its own. Here a leaf has a cap as well.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from operator import eq

from drain3.drain import Drain, Node  # type: ignore[import-untyped]

from fusionlog.parsing.tokens import WILDCARD, Tokens
from fusionlog.parsing.unspaced import GLUE, joined

ROUNDING = 1e-9
_WILDCARDS = (WILDCARD, GLUE + WILDCARD)


class Leaf:
    """How often a cluster of a leaf came, changed or left, or a line of it may belong to a new leaf."""

    __slots__ = ("changes",)

    def __init__(self) -> None:
        self.changes = 0


class Group:
    """The clusters with the same number of tokens and the same constants, and the leaves of their tree.

    `exact` has them by the tokens of the line that created them, until a wildcard comes into it. `leaves` are by the
    identity of their nodes, which stay in the tree.
    """

    __slots__ = ("clusters", "exact", "leaves", "root")

    def __init__(self) -> None:
        self.root = Node()
        self.clusters = 0
        self.exact: dict[tuple[str, ...], Cluster] = {}
        self.leaves: dict[int, Leaf] = {}


class Cluster:
    """A template with what Drain3's tree needs of it, its group and leaf, and the number of the line that it last
    matched."""

    __slots__ = ("cluster_id", "group", "key", "leaf", "log_template_tokens", "marked", "text", "used", "wildcards")

    def __init__(self, line: Tokens, number: int, group: Group, used: int) -> None:
        self.cluster_id, self.group, self.leaf, self.used = number, group, Leaf(), used
        self.marked, self.key = line.marked, key_of(line)
        self.set(tuple(line.tokens))

    def set(self, tokens: tuple[str, ...]) -> None:
        """Set the tokens of the template, and its text."""
        self.log_template_tokens, self.text = tokens, joined(tokens)
        self.wildcards = sum(map(tokens.count, _WILDCARDS))


class Clusters:
    """The clusters of one system, searched and merged as Drain3 does it.

    :param similarity: share of a template's tokens that a line must have at their place.
    :param depth: depth of the prefix tree, at least 3.
    :param cap: clusters kept; the least recently used leaves.
    :param leaf_cap: clusters of a leaf; the least recently used of it leaves.
    """

    def __init__(self, similarity: float, depth: int, cap: int, leaf_cap: int) -> None:
        self._drain = Drain(depth=depth, profiler=None)
        self._similarity, self._depth, self._cap, self._leaf_cap = similarity, depth, cap, leaf_cap
        self._groups: dict[Hashable, Group] = {}
        self._by_use: list[tuple[int, int]] = []

    def __len__(self) -> int:
        return len(self._drain.id_to_cluster)

    def __iter__(self) -> Iterator[Cluster]:
        return iter(self._drain.id_to_cluster.values())

    def group(self, line: Tokens) -> Group | None:
        """The group of a line; None where it has no cluster."""
        return self._groups.get(key_of(line))

    def leaf(self, group: Group, tokens: Sequence[str]) -> list[int]:
        """The numbers of the clusters that a line is compared with; some may have left."""
        node = self._node(group, tokens)
        found: list[int] = node.cluster_ids if node is not None else []
        return found

    def _node(self, group: Group, tokens: Sequence[str]) -> Node | None:
        """The node of the tree with the clusters that a line is compared with."""
        node = group.root.key_to_child_node.get(str(len(tokens)))
        for token in tokens[: max(0, min(self._drain.max_node_depth, len(tokens)) - 1)]:
            if node is None:
                return None
            children = node.key_to_child_node
            node = children.get(token) or children.get(WILDCARD)
        return node

    def closest(self, leaf: Sequence[int], tokens: Sequence[str]) -> Cluster | None:
        """The cluster of a leaf with the most tokens at their place, of equal ones that with more wildcards; None where
        none is similar."""
        best, most, wildcards = None, -1, -1
        for number in leaf:
            cluster = self._drain.id_to_cluster.get(number)
            if cluster is None:
                continue
            equal = sum(map(eq, cluster.log_template_tokens, tokens))
            if equal > most or (equal == most and cluster.wildcards > wildcards):
                best, most, wildcards = cluster, equal, cluster.wildcards
        return best if best is not None and most >= len(tokens) * self._similarity - ROUNDING else None

    def covers(self, line: Tokens) -> bool:
        """Whether a more general template stands for all lines of this one, which it is similar to."""
        group = self.group(line)
        if group is None:
            return False
        found = (self._drain.id_to_cluster.get(number) for number in self.leaf(group, line.tokens))
        return any(each is not None and self._covers(each, line.tokens) for each in found)

    def _covers(self, cluster: Cluster, tokens: Sequence[str]) -> bool:
        template = cluster.log_template_tokens
        different = len(tokens) - sum(map(eq, template, tokens))
        if not 0 < different <= cluster.wildcards:
            return False
        if any(one != other and one not in _WILDCARDS for one, other in zip(template, tokens, strict=True)):
            return False
        return len(tokens) - cluster.wildcards >= len(tokens) * self._similarity - ROUNDING

    def merge(self, cluster: Cluster, tokens: Sequence[str]) -> bool:
        """Put wildcards into a cluster where a line differs; whether it changed."""
        before = cluster.log_template_tokens
        after = tuple(map(_glued, before, self._drain.create_template(tokens, before)))
        if after == before:
            return False
        _forget(cluster)
        cluster.set(after)
        cluster.leaf.changes += 1
        return True

    def empty(self) -> Clusters:
        """Clusters of the same settings, without any."""
        return Clusters(self._similarity, self._depth, self._cap, self._leaf_cap)

    def insert(self, line: Tokens, used: int) -> Cluster:
        """Create a cluster without a search for a similar one."""
        if len(self) >= self._cap:
            self._drop(self._least_used())
        self._drain.clusters_counter += 1
        group = self._groups.setdefault(key_of(line), Group())
        cluster = Cluster(line, self._drain.clusters_counter, group, used)
        self._drain.id_to_cluster[cluster.cluster_id] = cluster
        self._drain.add_seq_to_prefix_tree(group.root, cluster)
        group.exact.setdefault(cluster.log_template_tokens, cluster)
        group.clusters += 1
        cluster.leaf = self._leaf_of(group, line.tokens)
        cluster.leaf.changes += 1
        leaf = self.leaf(group, line.tokens)
        if len(leaf) > self._leaf_cap:
            present = (self._drain.id_to_cluster[number] for number in leaf)
            oldest = min(present, key=lambda each: each.used)
            leaf.remove(oldest.cluster_id)
            self._drop(oldest)
        return cluster

    def _leaf_of(self, group: Group, tokens: Sequence[str]) -> Leaf:
        """The leaf of a new cluster; where it is new, lines of the others may belong to it."""
        node = id(self._node(group, tokens))
        leaf = group.leaves.get(node)
        if leaf is None:
            for each in group.leaves.values():
                each.changes += 1
            leaf = group.leaves[node] = Leaf()
        return leaf

    def _least_used(self) -> Cluster:
        """The cluster that was used longest ago: sorted once, each is dropped if it was not used since."""
        while True:
            while self._by_use:
                used, number = self._by_use.pop()
                cluster: Cluster | None = self._drain.id_to_cluster.get(number)
                if cluster is not None and cluster.used == used:
                    return cluster
            self._by_use = sorted(((each.used, each.cluster_id) for each in self), reverse=True)

    def _drop(self, cluster: Cluster) -> None:
        """Remove a cluster, and its group with its last one; the tree drops its number when it next grows there."""
        del self._drain.id_to_cluster[cluster.cluster_id]
        _forget(cluster)
        group = cluster.group
        group.clusters -= 1
        cluster.leaf.changes += 1
        if not group.clusters:
            del self._groups[cluster.key]


def key_of(line: Tokens) -> Hashable:
    """What the clusters of a group have in common."""
    tokens = line.tokens
    return (len(tokens), *((place, tokens[place]) for place in line.fixed)) if line.fixed else len(tokens)


def _glued(before: str, after: str) -> str:
    """A token that became a wildcard still follows the one before it without a blank."""
    return GLUE + WILDCARD if after == WILDCARD and before[0] == GLUE else after


def _forget(cluster: Cluster) -> None:
    exact, tokens = cluster.group.exact, cluster.log_template_tokens
    if exact.get(tokens) is cluster:
        del exact[tokens]
