"""The template miner: Drain3 (He et al., ICWS 2017), held in memory alone.

Drain3's own persistence is never used: it restores by jsonpickle, which runs code. Templates travel as plain records,
and `restore` builds the same clusters from their texts.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from fusionlog.parsing.clusters import Cluster, Clusters, Group
from fusionlog.parsing.mining_budget import MiningBudget
from fusionlog.parsing.tokens import CONSTANT, WILDCARD, Tokens, tokens_of, tokens_of_template
from fusionlog.parsing.unspaced import joined
from fusionlog.utils.bounded_cache import BoundedCache

__all__ = ["CONSTANT", "WILDCARD", "MatchedCluster", "Mined", "TemplateMiner", "TemplateText", "Unmined"]

CACHED_MATCHES = 20_000
CACHED_TOKENS = 2_000
CACHED_CHARS = 2_000
"""A masked content that is longer is not cached: it seldom comes twice, and 40,000 of them would be 320 MB."""
COMPARISONS_PER_LINE, COMPARISONS_AT_ONCE = 1_000, 5_000_000
"""Tokens compared: a line of the recorded systems needs 5 at most. A thousand take 40 microseconds."""
LINES_PER_TEMPLATE = 100
"""When no more templates may come at once, each hundredth line may bring one."""
CATCH_ALLS = 100
"""Events of lines beyond the budget, at most: the constants of such a line are kept, up to so many combinations."""


class Mined(NamedTuple):
    """The template of a line. `replaces` is the text that the template had before this line generalised it.

    `constants` are the places of its constant tokens, from 0; `text` has them without their mark.
    """

    text: str
    replaces: str | None
    new: bool
    constants: tuple[int, ...] = ()


class Unmined(NamedTuple):
    """Lines that got a catch-all event, because mining them would have exceeded the budget: how many, and the last."""

    lines: int = 0
    example: str = ""


class TemplateText(NamedTuple):
    """A template as it is kept: its text, and the places of its constant tokens, from 0."""

    text: str
    constants: tuple[int, ...] = ()


class MatchedCluster(NamedTuple):
    """A match that changed no cluster: valid until one of its group comes, changes or leaves."""

    cluster: Cluster
    group: Group
    changes: int
    mined: Mined


class TemplateMiner:
    """Masked lines to templates, as Drain3's `add_log_message` does, with its own merge and insert.

    Lines whose constants differ, in a token or its place, are never of one template: each group of clusters has a tree
    of its own, and all share one cap. A match that changed nothing is cached by the line until a cluster of its group
    comes, changes or leaves.

    Comparisons and new templates have a budget that grows with the lines read. A line that would exceed it, and is not
    of a known template word by word, gets the catch-all event: its constants and a wildcard. It is counted.

    :param similarity: share of a template's tokens that a line must have at their place.
    :param depth: depth of the prefix tree, at least 3.
    :param max_tokens: tokens of a line; the rest becomes one wildcard.
    :param max_templates: templates kept; the least recently used leaves.
    :param max_similar: templates that a line is compared with; the least recently used of them leaves.
    :param new_templates: templates that may come at once; then one with every hundredth line.
    """

    def __init__(
        self, similarity: float, depth: int, max_tokens: int, max_templates: int, max_similar: int = 300,
        new_templates: int = 2_000,
    ) -> None:  # fmt: skip
        self._clusters = Clusters(similarity, depth, max_templates, max_similar)
        self._max_tokens = max_tokens
        self._lines = 0
        self._comparisons = MiningBudget(COMPARISONS_AT_ONCE, COMPARISONS_PER_LINE)
        self._insertions = MiningBudget(new_templates * LINES_PER_TEMPLATE, 1)
        self._cache: BoundedCache[str, MatchedCluster] = BoundedCache(CACHED_MATCHES)
        self._tokens: BoundedCache[str, Tokens] = BoundedCache(CACHED_TOKENS)
        self._catch_alls: set[TemplateText] = set()
        self._unmined = Unmined()

    def add(self, masked: str) -> Mined:
        """The template of a line, which may create or generalise it."""
        known = self.match(masked)
        if known is not None:
            return known.mined
        self._lines += 1
        return self._mine(masked)

    def match(self, masked: str) -> MatchedCluster | None:
        """The cached match of a line that was added before and changed nothing; else None."""
        known = self._cache.get(masked)
        return known if known is not None and self.still_matches(known) else None

    def still_matches(self, known: MatchedCluster) -> bool:
        """Whether a match is what `add` would return now; it counts as a line of its template."""
        cluster, group, changes, _ = known
        if group.changes != changes:
            return False
        self._lines = cluster.used = self._lines + 1
        return True

    def __len__(self) -> int:
        return len(self._clusters)

    def restore(self, templates: Iterable[tuple[str, Sequence[int]]]) -> None:
        """Add known templates, in the order in which they were found; existing ones stay as they are.

        Templates of several workers may be one and its generalisation: the general one stands for both, as it would had
        one worker read all lines.
        """
        present = set(self.texts())
        asked = dict.fromkeys(TemplateText(text, tuple(places)) for text, places in templates)
        lines = {each: tokens_of_template(*each) for each in asked if each not in present}
        general = self._clusters.empty()
        for line in lines.values():
            if any(token.endswith(WILDCARD) for token in line.tokens):
                general.insert(line, 0)
        for line in lines.values():
            if not general.covers(line):
                self._lines += 1
                self._clusters.insert(line, self._lines)

    def take_unmined(self) -> Unmined:
        """The lines since the last call that got a catch-all event, masked."""
        found, self._unmined = self._unmined, Unmined()
        return found

    def texts(self) -> list[TemplateText]:
        """The present templates, as they were found."""
        return [TemplateText(cluster.text, cluster.marked) for cluster in self._clusters]

    def _mine(self, masked: str) -> Mined:
        line = self._tokens.get(masked)
        if line is None:
            line = tokens_of(masked, self._max_tokens)
            self._tokens.put(masked, line)
        tokens, marked = line.tokens, line.marked
        group = self._clusters.group(line)
        cluster = group.exact.get(tuple(tokens)) if group is not None else None
        if group is not None and cluster is None:
            leaf = self._clusters.leaf(group, tokens)
            if not self._comparisons.spend(len(leaf) * len(tokens), self._lines):
                return self._catch_all(line)
            cluster = self._clusters.closest(leaf, tokens)
        if group is None or cluster is None:
            if not self._insertions.spend(LINES_PER_TEMPLATE, self._lines):
                return self._catch_all(line)
            cluster = self._clusters.insert(line, self._lines)
            return self._next(masked, cluster, marked)._replace(new=True)
        cluster.used = self._lines
        before = cluster.text
        changed = self._clusters.merge(cluster, tokens)
        mined = self._next(masked, cluster, marked)
        return mined._replace(replaces=before) if changed else mined

    def _next(self, masked: str, cluster: Cluster, marked: tuple[int, ...]) -> Mined:
        """What the next equal line comes to, which changes nothing; it is cached, unless it is long."""
        mined = Mined(cluster.text, None, False, marked)
        if len(masked) <= CACHED_CHARS:
            self._cache.put(masked, MatchedCluster(cluster, cluster.group, cluster.group.changes, mined))
        return mined

    def _catch_all(self, line: Tokens) -> Mined:
        """The event of a line beyond the budget."""
        text = joined(line.tokens)
        self._unmined = Unmined(self._unmined.lines + 1, text)
        words = text.split()
        kept = [*(words[place] for place in line.marked), WILDCARD]
        found = TemplateText(" ".join(kept), tuple(range(len(line.marked))))
        if found not in self._catch_alls and len(self._catch_alls) >= CATCH_ALLS:
            found = TemplateText(WILDCARD)
        self._catch_alls.add(found)
        return Mined(found.text, None, False, found.constants)
