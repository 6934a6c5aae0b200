from __future__ import annotations

import time

import pytest

from fusionlog.parsing.lists import collapse
from fusionlog.parsing.parser import Parser
from fusionlog.settings import IngestSettings, SystemSettings, WindowSettings

SYSTEM = SystemSettings(window=WindowSettings(by="count", size=10))


@pytest.mark.parametrize(
    ("before", "between", "after"),
    [
        ("Deleted blocks [", ", ", "]"),
        ("Deleted blocks [", ",", "] of the file"),
        ("Deleted blocks [", " ", "]"),
        ("partitions: ", ";", ""),
        ("Wait queue: ", ", ", "."),
        ("SELECT * FROM t WHERE id IN (", ", ", ")"),
        ('{"ids": [', ",", '], "done": true}'),
        ("订单 ", "、", " 已创建"),
    ],
)
def test_one_to_sixty_numbers_are_one_event(before: str, between: str, after: str) -> None:
    assert events(before, between, after, [str(1000 + n) for n in range(60)]) == 1


@pytest.mark.parametrize(
    "element", ["10.0.0.{}", "/srv/data/{}.log", "node-{}", "blk_-{}", '"{}"', "'{}'", "{}.5", "{}ms"]
)
@pytest.mark.parametrize("between", [", ", ",", ";"])
def test_elements_of_every_form_are(element: str, between: str) -> None:
    assert events("moved to [", between, "] now", [element.format(n) for n in range(60)]) == 1


@pytest.mark.parametrize("element", ["10.0.0.{}", "/srv/data/{}.log", "node-{}"])
def test_elements_between_blanks_are(element: str) -> None:
    assert events("replicate to ", " ", "", [element.format(n) for n in range(60)]) == 1


def test_rows_of_a_list_are() -> None:
    rows = [f'{{"id": {n}, "host": "10.0.0.{n}"}}' for n in range(60)]
    assert events('{"rows": [', ", ", "]}", rows) == 1
    assert events("INSERT INTO line VALUES ", ", ", "", [f"({n}, {n})" for n in range(60)]) == 1


@pytest.mark.parametrize(
    ("line", "collapsed"),
    [
        ("hosts: web,db,cache", "hosts: <*>"),
        ("hosts=web,db up", "hosts=<*> up"),
        ("args=[a b c]", "args=[<*>]"),
        ("roles [admin, user]", "roles [<*>]"),
        ("name IN ('anna', 'berta')", "name IN ('<*>')"),
        ('{"tags": ["a", "b"]}', '{"tags": ["<*>"]}'),
        ("ids [<NUM>, <ID>, <HEX>]", "ids [<*>]"),
        ("[[<NUM>, <NUM>], [<NUM>]]", "[[<NUM>]]"),
    ],
)
def test_words_in_a_list_become_a_wildcard(line: str, collapsed: str) -> None:
    assert collapse(line) == collapsed
    assert collapse(collapsed) == collapsed


@pytest.mark.parametrize(
    "line",
    [
        "<NUM> <NUM> Ok: queued as <ID>",
        '{"a": "x", "b": "y"}',
        "vhost: 'shop', user: 'web'",
        "Registered signal handlers for TERM, INT, HUP",
        "state=[GRANTED]",
        "from <IP>, port <NUM>, user <ID>",
        "moved <NUM> of <NUM> files",
        "delays=<NUM>/<NUM>/<NUM>",
        "a=<NUM>, b=<NUM>",
        "[('eth0', '<UUID>')]",
        "[main, <NUM>]",
        "error: refused, giving up",
    ],
)
def test_what_is_no_list_stays(line: str) -> None:
    assert collapse(line) == line


def test_codes_in_a_list_stay() -> None:
    assert collapse("\ue000502, \ue000503") == "\ue000502, \ue000503"
    assert collapse("\ue000<STATUS5XX>, \ue000<STATUS5XX>") == "\ue000<STATUS5XX>"


@pytest.mark.parametrize(
    "part", ["<NUM>", "<NUM>, ", "a,", "[a,", "(", "'a',", "<NUM> ", "a b ", "=[a ", "x=a,", "<", "[<NUM> ", "'", "=a."]
)
def test_a_line_of_any_form_takes_little_time(part: str) -> None:
    started = time.process_time()
    for ending in ("", ",", ", x]", ">"):
        collapse((part * 8000)[:8000] + ending)
    assert time.process_time() - started < 2.0


def events(before: str, between: str, after: str, elements: list[str]) -> int:
    parser = Parser("shop", SYSTEM, IngestSettings())
    return len({parser.parse(before + between.join(elements[: n + 1]) + after).template for n in range(len(elements))})
