"""The template miner: Drain3 (He et al., ICWS 2017), held in memory alone.

Drain3's own persistence is never used: it restores by jsonpickle, which runs code. Templates travel as plain records,
and `restore` builds the same clusters from their texts.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from drain3.drain import Drain, LogCluster  # type: ignore[import-untyped]

from fusionlog.utils.bounded_cache import BoundedCache

WILDCARD = "<*>"
CONSTANT = "\ue000"
MAX_CHARS = 2_000
"""Characters of a masked line that Drain3 sees: what stands behind becomes one wildcard, whatever its tokens are."""
CACHED_MATCHES = 20_000


class Mined(NamedTuple):
    """The template of a line. `replaces` is the text that the template had before this line generalised it."""

    text: str
    replaces: str | None
    new: bool


class MatchedCluster(NamedTuple):
    """A match that changed no cluster: valid until a cluster of as many tokens comes, changes or leaves."""

    cluster: int
    tokens: int
    changes: int
    mined: Mined


class TemplateMiner:
    """Masked lines to templates, as Drain3's `add_log_message` does, with its own search, merge and insert.

    Drain3 chooses among clusters of as many tokens as the line has. So a match that changed nothing is cached by the
    line until a cluster of that many tokens comes, changes or leaves. The clusters of cached matches are marked as used
    before Drain3's next search, in the order of their last use: it decides which one leaves.

    :param similarity: share of a template's tokens that a line must have at their place.
    :param depth: depth of the prefix tree, at least 3.
    :param max_tokens: tokens of a line; the rest becomes one wildcard.
    :param max_templates: templates kept; the least recently used leaves.
    """

    def __init__(self, similarity: float, depth: int, max_tokens: int, max_templates: int) -> None:
        self._drain = Drain(depth=depth, sim_th=similarity, max_clusters=max_templates, profiler=None)
        self._max_tokens = max_tokens
        self._max_templates = max_templates
        self._changes: dict[int, int] = {}
        self._used: dict[int, None] = {}
        self._cache: BoundedCache[str, MatchedCluster] = BoundedCache(CACHED_MATCHES)

    def add(self, masked: str) -> Mined:
        """The template of a line, which may create or generalise it."""
        if len(masked) > MAX_CHARS:
            masked = _shorten(masked)
        known = self._cache.get(masked)
        return known.mined if known is not None and self.still_matches(known) else self._mine(masked)

    def match(self, masked: str) -> MatchedCluster | None:
        """The cached match of a line that was added before and changed nothing; else None."""
        known = self._cache.get(masked)
        return known if known is not None and self.still_matches(known) else None

    def still_matches(self, known: MatchedCluster) -> bool:
        """Whether a match is what `add` would return now; its template counts as used."""
        if self._changes.get(known.tokens) != known.changes:
            return False
        self._used.pop(known.cluster, None)
        self._used[known.cluster] = None
        return True

    def __len__(self) -> int:
        return len(self._drain.id_to_cluster)

    def restore(self, texts: Iterable[str]) -> None:
        """Add known templates, in the order in which they were found; existing ones stay as they are."""
        present = set(self.texts())
        for text in texts:
            if text not in present:
                present.add(text)
                self._insert(text.split())

    def texts(self) -> list[str]:
        """The present templates, in the order of their last use where some had to leave, else as found."""
        self._mark_used()
        return [cluster.get_template() for cluster in self._drain.clusters]

    def _mine(self, masked: str) -> Mined:
        self._mark_used()
        tokens = self._limit(masked.split())
        cluster = self._drain.tree_search(self._drain.root_node, tokens, self._drain.sim_th, False)
        if cluster is None:
            self._insert(tokens)
            return Mined(" ".join(tokens), None, True)
        before = cluster.log_template_tokens
        after = tuple(self._drain.create_template(tokens, before))
        self._drain.id_to_cluster[cluster.cluster_id]  # the look-up marks it as used
        if after != before:
            cluster.log_template_tokens = after
            self._count_change(tokens)
            return Mined(" ".join(after), " ".join(before), False)
        mined = Mined(" ".join(after), None, False)
        self._cache.put(masked, MatchedCluster(cluster.cluster_id, len(tokens), self._changes[len(tokens)], mined))
        return mined

    def _insert(self, tokens: list[str]) -> None:
        """Create a cluster without a search for a similar one."""
        self._make_room()
        self._drain.clusters_counter += 1
        cluster = LogCluster(tokens, self._drain.clusters_counter)
        self._drain.id_to_cluster[cluster.cluster_id] = cluster
        self._drain.add_seq_to_prefix_tree(self._drain.root_node, cluster)
        self._count_change(tokens)

    def _make_room(self) -> None:
        """Drop the least recently used cluster where the cap is reached."""
        if len(self._drain.id_to_cluster) >= self._max_templates:
            _, left = self._drain.id_to_cluster.popitem()
            self._count_change(left.log_template_tokens)

    def _mark_used(self) -> None:
        for cluster in self._used:
            self._drain.id_to_cluster[cluster]  # the look-up marks it as used
        self._used.clear()

    def _count_change(self, tokens: Sequence[str]) -> None:
        self._changes[len(tokens)] = self._changes.get(len(tokens), 0) + 1

    def _limit(self, tokens: list[str]) -> list[str]:
        if len(tokens) <= self._max_tokens:
            return tokens
        return [*tokens[: self._max_tokens - 1], WILDCARD]


def _shorten(masked: str) -> str:
    """The whole tokens within the first `MAX_CHARS` characters, and a wildcard."""
    kept = masked[:MAX_CHARS]
    whole = kept.rsplit(maxsplit=1)[0] if any(map(str.isspace, kept.strip())) else ""
    return f"{whole} {WILDCARD}".strip()
