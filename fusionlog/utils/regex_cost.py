"""The cost of a regular expression on the worst lines that its own form suggests.

Python's `re` tries one way to match after another. `(a+)+b` has twice as many of them with every `a` of a line without
a `b`: one line stops a worker for good. So an expression is tried, before it is used, on texts that are made of its
parts: for each of its repetitions what stands before it, then the repeated text again and again, then a character
that fits nothing. CPU time decides, and the texts grow slowly, so that the trial itself has a bound.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from re import _constants as op  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

from fusionlog.utils.expression_limit import SlowExpression, Watch, limited

UNBOUNDED = 50
"""A repetition of at least this many times may be the cause of many ways to match."""

MAX_SECONDS = 0.05
"""CPU time of a match; the expressions of the presets take a thousandth of it."""

LONGEST_SECONDS = 1.0
"""CPU time after which a match is ended."""

TRIAL_SECONDS = 10.0
"""CPU time of all texts of an expression; the longest of the presets takes a twentieth of it."""

_END = "\x00"
_CHARACTERS = "0a A-_./:,"
_STEPS = range(4, 31)
_GROWTH = 1.3
"""A text is a little longer than the one before, so that the first that takes too long does not take much more."""
_LONGEST = 2_000

MOST_BEFORE, MOST_PIECE = 200, 50
"""Characters of what stands before a repetition, and of what is repeated."""

Node = tuple[Any, Any]
Attack = tuple[str, str]


def worst_text(pattern: str, flags: int = 0, whole_lines: bool = False) -> str | None:
    """A text, shortened, on which an expression takes more than `MAX_SECONDS`; None where none was found.

    :param whole_lines: whether the expression is matched at the start of a line, and polynomial time counts as well,
        on texts of up to 2,000 characters.
    :raises ValueError: it is nested too deep, or has too many repetitions, to be tried.
    """
    compiled, watch, until = re.compile(pattern, flags), Watch(), time.thread_time() + TRIAL_SECONDS
    find = watch.guarded_search(pattern, compiled.match if whole_lines else compiled.search)
    try:
        attacks = {attack: None for attack in _before(until, _attacks(pattern, flags)) if attack[1]}
    except RecursionError as error:
        raise ValueError("it is nested too deep: take groups out that are not needed") from error
    with limited(watch, LONGEST_SECONDS):
        for prefix, piece in _before(until, attacks):
            if _takes_long(find, prefix, piece, whole_lines):
                return prefix + piece * 3
    return None


def _before(until: float, attacks: Iterable[Attack]) -> Iterator[Attack]:
    """The attacks, as long as there is time.

    :raises ValueError: there is none left.
    """
    for attack in attacks:
        if time.thread_time() > until:
            raise ValueError(f"it cannot be tried in {TRIAL_SECONDS:g} s: it needs fewer groups and repetitions")
        yield attack


def _takes_long(find: Callable[[str], object], prefix: str, piece: str, whole_lines: bool) -> bool:
    """Whether texts of a repeated piece take too long. One more piece may multiply the time by a thousand: the limit
    ends what a measurement would wait for."""
    try:
        return any(_seconds(find, prefix + piece * times + _END) > MAX_SECONDS for times in _STEPS) or (
            whole_lines and _grows(find, prefix, piece)
        )
    except SlowExpression:
        return True


def _grows(find: Callable[[str], object], prefix: str, piece: str) -> bool:
    """Whether lines of a repeated piece take too long; short ones show whether longer ones have to be tried."""
    times = float(_STEPS[-1])
    while times * len(piece) < _LONGEST:
        times *= _GROWTH
        seconds = _seconds(find, prefix + piece * int(times) + _END)
        if seconds > MAX_SECONDS:
            return True
        if times * len(piece) > _LONGEST / 8 and seconds < MAX_SECONDS / 500:
            return False
    return False


def _seconds(find: Callable[[str], object], text: str) -> float:
    started = time.thread_time()
    find(text)
    return time.thread_time() - started


def _attacks(pattern: str, flags: int) -> Iterator[Attack]:
    """What stands before a repetition, and what is repeated, for each preference among the characters that fit.

    Every other part of the expression is one with nothing to repeat, so that whoever reads them can stop anywhere.
    """
    tree = list(parser.parse(pattern, flags))
    literals = [each for each in dict.fromkeys(re.sub(r"\w|\s", "", pattern)) if each not in _CHARACTERS][:8]
    for first in (*_CHARACTERS, *literals):
        yield from _repeated(tree, "", _Samples(first + _CHARACTERS))


def _repeated(nodes: Sequence[Node], before: str, samples: _Samples) -> Iterator[Attack]:
    for node in nodes:
        yield before, ""
        for inner in _children(node):
            if _is_unbounded(node):
                yield before, samples.of(inner)[:MOST_PIECE]
            yield from _repeated(inner, before, samples)
        before = (before + samples.of([node]))[:MOST_BEFORE]


def _is_unbounded(node: Node) -> bool:
    kind, value = node
    return kind in (op.MAX_REPEAT, op.MIN_REPEAT, op.POSSESSIVE_REPEAT) and int(value[1]) >= UNBOUNDED


def _children(node: Node) -> list[list[Node]]:
    """The sequences within a node; those of a repeated choice one by one."""
    kind, value = node
    if kind in (op.MAX_REPEAT, op.MIN_REPEAT, op.POSSESSIVE_REPEAT):
        return _choices(list(value[2]))
    if kind is op.SUBPATTERN:
        return [list(value[3])]
    if kind is op.ATOMIC_GROUP:
        return [list(value)]
    if kind is op.BRANCH:
        return [list(each) for each in value[1]]
    return []


def _choices(nodes: list[Node]) -> list[list[Node]]:
    """A sequence, and each alternative of a choice that is all of it."""
    inner = nodes
    while len(inner) == 1 and inner[0][0] in (op.SUBPATTERN, op.ATOMIC_GROUP):
        inner = _children(inner[0])[0]
    if len(inner) == 1 and inner[0][0] is op.BRANCH:
        return [nodes, *_children(inner[0])]
    return [nodes]


class _Samples:
    """The beginnings of texts that fit parts of an expression, each made once.

    :param preferred: the characters that are taken first where a class allows several.
    """

    def __init__(self, preferred: str) -> None:
        self._preferred = preferred
        self._made: dict[int, str] = {}

    def of(self, nodes: Sequence[Node]) -> str:
        """The text of a sequence, each repetition as often as it must be, and once at least."""
        return "".join(map(self._of_node, nodes))[:MOST_BEFORE]

    def _of_node(self, node: Node) -> str:
        if id(node) not in self._made:
            self._made[id(node)] = self._make(node)
        return self._made[id(node)]

    def _make(self, node: Node) -> str:
        kind, value = node
        if kind is op.LITERAL:
            return chr(value)
        if kind in (op.IN, op.NOT_LITERAL, op.ANY):
            return next((each for each in self._preferred if _fits(node, each)), _any_of(node))
        if kind in (op.MAX_REPEAT, op.MIN_REPEAT, op.POSSESSIVE_REPEAT):
            return self.of(list(value[2])) * min(max(int(value[0]), 1), UNBOUNDED)
        inner = _children(node)
        return self.of(inner[0]) if inner else ""


def _fits(node: Node, character: str) -> bool:
    kind, value = node
    if kind is op.ANY:
        return True
    if kind is op.NOT_LITERAL:
        return bool(value != ord(character))
    negated = bool(value) and value[0][0] is op.NEGATE
    return bool(negated) != any(_item_fits(item, character) for item in value)


def _item_fits(item: Node, character: str) -> bool:
    kind, value = item
    if kind is op.LITERAL:
        return bool(value == ord(character))
    if kind is op.RANGE:
        return bool(value[0] <= ord(character) <= value[1])
    if kind is not op.CATEGORY:
        return False
    tests = {
        op.CATEGORY_DIGIT: character.isdigit(),
        op.CATEGORY_SPACE: character.isspace(),
        op.CATEGORY_WORD: character.isalnum() or character == "_",
        op.CATEGORY_NOT_DIGIT: not character.isdigit(),
        op.CATEGORY_NOT_SPACE: not character.isspace(),
        op.CATEGORY_NOT_WORD: not (character.isalnum() or character == "_"),
    }
    return bool(tests.get(value, False))


def _any_of(node: Node) -> str:
    """A character of a class that none of the preferred ones is in."""
    kind, value = node
    if kind is not op.IN:
        return "x"
    first = next((item for item in value if item[0] in (op.LITERAL, op.RANGE)), None)
    if first is None or value[0][0] is op.NEGATE:
        return "x"
    return chr(first[1] if first[0] is op.LITERAL else first[1][0])
