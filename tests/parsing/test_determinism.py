"""The same lines are the same events: through one worker, several, and one that is killed and started again.

A template that is generalised replaces the one before it, so events are compared after following `Template.replaces`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cache
from itertools import islice
from zlib import crc32

import pytest

from fusionlog.data.bundled import DATASETS
from fusionlog.data.systems import read_catalog, read_sessions
from fusionlog.parsing.parser import Parser
from fusionlog.records import Template
from fusionlog.settings import IngestSettings, SystemSettings, WindowSettings

Line = tuple[str, str]
"""A session's key and a line of it."""
LINES = 4_000
WORKERS = 4
RECORDED = ("postgresql", "kafka", "rabbitmq", "postfix")


@cache
def stream(name: str) -> tuple[SystemSettings, list[Line]]:
    if name == "written":
        return written()
    lines = ((session.id, line) for session in read_sessions(DATASETS, name) for line in session.lines)
    return read_catalog(DATASETS)[name], list(islice(lines, LINES))


def written() -> tuple[SystemSettings, list[Line]]:
    """Lines with lists, names without blanks, and words that vary in long sentences, in 50 sessions."""
    system = SystemSettings(session=r"s=(\w+)", window=WindowSettings(by="session"))
    names, lines = ["张三", "李四", "欧阳修", "王小明"], []
    for number in range(2_000):
        key = f"k{number % 50}"
        blocks = ", ".join(str(7 * number + each) for each in range(1 + number % 60))
        texts = [
            f"Deleted blocks [{blocks}] s={key}",
            f"用户{names[number % 4]}登录失败,原因:密码错误 s={key}",
            f"order {number} of customer c{'abcdefgh'[number % 8]} was packed by the till and sent s={key}",
            f"disk /dev/sd{'abc'[number % 3]} is {number % 100} % full s={key}",
        ]
        lines.append((key, texts[number % 4]))
    return system, lines


def make_parser(system: SystemSettings) -> Parser:
    return Parser("shop", system, IngestSettings())


def parsed(system: SystemSettings, lines: Sequence[Line]) -> tuple[list[str], list[Template]]:
    parser = make_parser(system)
    return [parser.parse(line).template for _, line in lines], parser.new_templates(0.0)


@cache
def one(name: str) -> tuple[list[str], list[Template]]:
    return parsed(*stream(name))


@cache
def several(name: str) -> tuple[list[str], list[Template]]:
    system, lines = stream(name)
    parsers = [make_parser(system) for _ in range(WORKERS)]
    found = [parsers[crc32(key.encode()) % WORKERS].parse(line).template for key, line in lines]
    return found, [template for parser in parsers for template in parser.new_templates(0.0)]


def killed(name: str) -> list[str]:
    """The worker dies in the middle; its successor has its records, and reads the last 100 lines again."""
    system, lines = stream(name)
    half = len(lines) // 2
    first, known = parsed(system, lines[:half])
    parser = make_parser(system)
    parser.restore(known)
    again = [parser.parse(line).template for _, line in lines[half - 100 : half]]
    found = [parser.parse(line).template for _, line in lines[half:]]
    templates = [*known, *parser.new_templates(1.0)]
    final = following(templates)
    assert [final(each) for each in again] == [final(each) for each in first[half - 100 :]]
    return [*first, *found]


def following(templates: Iterable[Template]) -> Callable[[str], str]:
    """The event that stands for an event in the end."""
    successors = {each.replaces: each.id for each in templates if each.replaces is not None}

    def final(event: str) -> str:
        seen = set()
        while event in successors and event not in seen:
            seen.add(event)
            event = successors[event]
        return event

    return final


@pytest.mark.parametrize("name", [*RECORDED, "written"])
def test_a_killed_worker_s_successor_finds_the_same_events(name: str) -> None:
    assert killed(name) == one(name)[0]


def test_several_workers_find_the_events_of_one_in_lists_and_sentences() -> None:
    (first, templates), (others, more) = one("written"), several("written")
    final = following([*templates, *more])
    assert [final(each) for each in others] == [final(each) for each in first]


@pytest.mark.parametrize("name", RECORDED)
def test_several_workers_differ_only_where_one_has_seen_less_of_a_statement(name: str) -> None:
    """Then a word stands where the other has a wildcard; few lines are of such a statement."""
    (first, templates), (others, more) = one(name), several(name)
    final, texts = following([*templates, *more]), {each.id: each.text for each in (*templates, *more)}
    pairs = [(texts[final(a)], texts[final(b)]) for a, b in zip(first, others, strict=True)]
    different = [(a, b) for a, b in pairs if a != b]
    assert len(different) <= 0.03 * len(first)
    assert all(agree(a, b) for a, b in different)


@pytest.mark.parametrize("name", RECORDED)
def test_a_worker_that_starts_with_the_templates_of_several_keeps_the_general_ones(name: str) -> None:
    system, lines = stream(name)
    (_, kept), (_, templates) = one(name), several(name)
    parser = make_parser(system)
    parser.restore(templates)
    final = following(kept)
    alone = len({final(each.id) for each in kept})
    for _, line in lines:
        parser.parse(line)
    assert parser.templates <= 1.05 * alone


def agree(one: str, other: str) -> bool:
    """Whether two templates differ in wildcards alone."""
    return all(a == b or "<*>" in (a, b) for a, b in zip(one.split(), other.split(), strict=True))
