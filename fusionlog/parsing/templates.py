"""The template miner: Drain3 (He et al., ICWS 2017), held in memory alone.

Drain3's own persistence is never used: it restores by jsonpickle, which runs code. Templates travel as plain records,
and `restore` builds the same clusters from their texts.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from typing import NamedTuple

from drain3.drain import Drain, LogCluster, Node  # type: ignore[import-untyped]

from fusionlog.utils.bounded_cache import BoundedCache

WILDCARD = "<*>"
CONSTANT = "\ue000"
"""The first character of a masked token that never becomes a wildcard: a code, an operator's placeholder."""
MAX_CHARS = 2_000
"""Characters of a masked line that Drain3 sees: what stands behind becomes one wildcard, whatever its tokens are."""
CACHED_MATCHES = 20_000
TAIL_CONSTANTS = 8
"""Constants kept of what stands behind the last token of a line that is mined."""


class Mined(NamedTuple):
    """The template of a line. `replaces` is the text that the template had before this line generalised it.

    `constants` are the places of its constant tokens, from 0; `text` has them without their mark.
    """

    text: str
    replaces: str | None
    new: bool
    constants: tuple[int, ...] = ()


class TemplateText(NamedTuple):
    """A template as it is kept: its text, and the places of its constant tokens, from 0."""

    text: str
    constants: tuple[int, ...] = ()


class MatchedCluster(NamedTuple):
    """A match that changed no cluster: valid until one of its group comes, changes or leaves."""

    cluster: int
    group: Group
    changes: int
    mined: Mined


class Group:
    """The clusters with the same number of tokens and the same constants, and how often one came, changed or left."""

    __slots__ = ("changes", "clusters", "root")

    def __init__(self) -> None:
        self.root = Node()
        self.clusters = self.changes = 0


class Cluster(LogCluster):  # type: ignore[misc]
    """A cluster of Drain3 with the places of its constants, and the key of its group."""

    __slots__ = ("constants", "key")

    def __init__(self, tokens: Sequence[str], number: int, constants: tuple[int, ...]) -> None:
        super().__init__(tokens, number)
        self.constants, self.key = constants, _key(tokens, constants)


class TemplateMiner:
    """Masked lines to templates, as Drain3's `add_log_message` does, with its own search, merge and insert.

    Lines whose constants differ, in a token or its place, are never of one template: each group of clusters has a tree
    of its own, and all share one cap. A match that changed nothing is cached by the line until a cluster of its group
    comes, changes or leaves. The clusters of cached matches are marked as used before Drain3's next search, in the
    order of their last use: it decides which one leaves.

    :param similarity: share of a template's tokens that a line must have at their place.
    :param depth: depth of the prefix tree, at least 3.
    :param max_tokens: tokens of a line; the rest becomes one wildcard.
    :param max_templates: templates kept; the least recently used leaves.
    """

    def __init__(self, similarity: float, depth: int, max_tokens: int, max_templates: int) -> None:
        self._drain = Drain(depth=depth, sim_th=similarity, max_clusters=max_templates, profiler=None)
        self._max_tokens = max_tokens
        self._max_templates = max_templates
        self._groups: dict[Hashable, Group] = {}
        self._used: dict[int, None] = {}
        self._cache: BoundedCache[str, MatchedCluster] = BoundedCache(CACHED_MATCHES)

    def add(self, masked: str) -> Mined:
        """The template of a line, which may create or generalise it."""
        known = self._cache.get(masked)
        return known.mined if known is not None and self.still_matches(known) else self._mine(masked)

    def match(self, masked: str) -> MatchedCluster | None:
        """The cached match of a line that was added before and changed nothing; else None."""
        known = self._cache.get(masked)
        return known if known is not None and self.still_matches(known) else None

    def still_matches(self, known: MatchedCluster) -> bool:
        """Whether a match is what `add` would return now; its template counts as used."""
        if known.group.changes != known.changes:
            return False
        self._used.pop(known.cluster, None)
        self._used[known.cluster] = None
        return True

    def __len__(self) -> int:
        return len(self._drain.id_to_cluster)

    def restore(self, templates: Iterable[tuple[str, Sequence[int]]]) -> None:
        """Add known templates, in the order in which they were found; existing ones stay as they are."""
        present = set(self.texts())
        for text, places in templates:
            each = TemplateText(text, tuple(places))
            if each not in present:
                present.add(each)
                self._insert(text.split(), each.constants)

    def texts(self) -> list[TemplateText]:
        """The present templates, in the order of their last use where some had to leave, else as found."""
        self._mark_used()
        return [TemplateText(cluster.get_template(), cluster.constants) for cluster in self._drain.clusters]

    def _mine(self, masked: str) -> Mined:
        self._mark_used()
        tokens, constants = _unmarked(self._limit(_shorten(masked)))
        group = self._groups.get(_key(tokens, constants))
        cluster = self._drain.tree_search(group.root, tokens, self._drain.sim_th, False) if group else None
        if group is None or cluster is None:
            self._insert(tokens, constants)
            return Mined(" ".join(tokens), None, True, constants)
        before = cluster.log_template_tokens
        after = tuple(self._drain.create_template(tokens, before))
        self._drain.id_to_cluster[cluster.cluster_id]  # the look-up marks it as used
        if after != before:
            cluster.log_template_tokens = after
            group.changes += 1
            return Mined(" ".join(after), " ".join(before), False, constants)
        mined = Mined(" ".join(after), None, False, constants)
        self._cache.put(masked, MatchedCluster(cluster.cluster_id, group, group.changes, mined))
        return mined

    def _insert(self, tokens: Sequence[str], constants: tuple[int, ...]) -> None:
        """Create a cluster without a search for a similar one."""
        self._make_room()
        self._drain.clusters_counter += 1
        cluster = Cluster(tokens, self._drain.clusters_counter, constants)
        self._drain.id_to_cluster[cluster.cluster_id] = cluster
        group = self._groups.setdefault(cluster.key, Group())
        self._drain.add_seq_to_prefix_tree(group.root, cluster)
        group.clusters += 1
        group.changes += 1

    def _make_room(self) -> None:
        """Drop the least recently used cluster where the cap is reached, and its group with its last one."""
        if len(self._drain.id_to_cluster) >= self._max_templates:
            _, left = self._drain.id_to_cluster.popitem()
            group = self._groups[left.key]
            group.clusters -= 1
            group.changes += 1
            if not group.clusters:
                del self._groups[left.key]

    def _mark_used(self) -> None:
        for cluster in self._used:
            self._drain.id_to_cluster[cluster]  # the look-up marks it as used
        self._used.clear()

    def _limit(self, tokens: list[str]) -> list[str]:
        """The tokens of a line, or as many of them as are mined: a wildcard and the last constants end it."""
        if len(tokens) <= self._max_tokens:
            return tokens
        kept = self._max_tokens - 1
        tail = _constants_of(tokens[kept:])[: self._max_tokens // 2]
        return [*tokens[: kept - len(tail)], WILDCARD, *tail]


def _shorten(masked: str) -> list[str]:
    """The tokens of a line: those that are whole within its first `MAX_CHARS` characters, a wildcard, and constants."""
    if len(masked) <= MAX_CHARS:
        return masked.split()
    kept = masked[:MAX_CHARS]
    whole = kept.rsplit(maxsplit=1)[0] if any(map(str.isspace, kept.strip())) else ""
    return [*whole.split(), WILDCARD, *_constants_of(masked[len(whole) :].split())]


def _constants_of(tokens: Iterable[str]) -> list[str]:
    return [token for token in tokens if CONSTANT in token][:TAIL_CONSTANTS]


def _unmarked(tokens: list[str]) -> tuple[list[str], tuple[int, ...]]:
    """The tokens without the mark of a constant, and the places of those that had it."""
    places = tuple([place for place, token in enumerate(tokens) if CONSTANT in token])
    return ([token.replace(CONSTANT, "") or WILDCARD for token in tokens] if places else tokens), places


def _key(tokens: Sequence[str], constants: Sequence[int]) -> Hashable:
    """What the clusters of a group have in common."""
    return (len(tokens), *((place, tokens[place]) for place in constants)) if constants else len(tokens)
