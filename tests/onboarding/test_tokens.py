"""Tokens: their forms, their places, and expressions that find them again."""

from __future__ import annotations

import re

import pytest

from fusionlog.onboarding.tokens import expression, name_of, simpler, tokens

UUID = "0f8fad5b-d9cb-469f-a165-70867728950e"


def found(line: str) -> dict[str, str]:
    """Kind by token, of those that are no parts."""
    return {token.value: token.kind for token in tokens(line) if not token.part}


@pytest.mark.parametrize(
    ("line", "value", "kind"),
    [
        ("Receiving block blk_-17 src: x", "blk_-17", "numbered"),
        (f"instance: {UUID} started", UUID, "uuid"),
        (f"[req-{UUID}] Creating", f"req-{UUID}", "uuid"),
        ("10.0.0.1:52 -> 10.0.0.2:5672 opened", "10.0.0.1:52 -> 10.0.0.2:5672", "pair"),
        ("accepting <0.812.0> now", "<0.812.0>", "process"),
        ("[17] 6b0330dc.40fb shop@store", "6b0330dc.40fb", "dotted"),
        ("trace 5d9073b19f9042c1 ended", "5d9073b19f9042c1", "hex"),
        ("4jXh8M24cCz1Wl1n: removed", "4jXh8M24cCz1Wl1n", "name"),
        ("sshd[811]: closed", "811", "number"),
        ("level=info request_id=ab-c.d done", "ab-c.d", "value"),
        ('{"requestId":"kfGhJ"}', "kfGhJ", "value"),
    ],
)
def test_a_token_has_the_kind_that_it_looks_like(line: str, value: str, kind: str) -> None:
    assert found(line)[value] == kind


@pytest.mark.parametrize(
    "line",
    ["2026-03-04 10:11:12,123 started", "04/Mar/2026:10:11:12 GET", "from 10.0.0.1 of 10.0.0.0/8", "time=10:11:12"],
)
def test_dates_clocks_and_bare_addresses_are_no_tokens(line: str) -> None:
    assert found(line) == {}


def test_every_expression_finds_its_token_in_its_line() -> None:
    line = f"a 17 [main] job_2008_0001_m_3 x={UUID} blk_-17 sshd[811]: <0.8.0> 10.0.0.1:5 -> 10.0.0.2:6"
    for token in tokens(line):
        for place in token.places:
            match = re.search(expression(place, token.form), line)
            assert match, (token, place)
            assert token.part or place == "" or match[1] == token.value


def test_a_word_with_several_numbers_also_gives_what_it_begins_with() -> None:
    forms = [token.form for token in tokens("blk_17_1001 x") if token.kind == "numbered"]
    assert forms == [r"blk_\d+_\d+", r"blk_-?\d+"]


def test_a_level_before_a_token_is_no_place() -> None:
    places = [place for token in tokens("x y INFO 5d9073b19f9042c1 z") for place in token.places]
    assert places
    assert not [place for place in places if "INFO" in place]


def test_simpler_expressions_are_shorter_and_still_expressions() -> None:
    for token in tokens(f"instance: {UUID} at 10.0.0.1:5 request_id=17x"):
        for place in token.places:
            pattern = expression(place, token.form)
            for each in simpler(pattern):
                assert len(each) < len(pattern)
                assert re.compile(each).groups == 1


@pytest.mark.parametrize(
    ("line", "value", "name"),
    [("request_id=17x done", "17x", "request_id"), ("order 17 taken", "17", "order"), ("17 blk_17", "blk_17", "blk")],
)
def test_a_token_is_named_by_the_word_before_it_or_by_its_own_letters(line: str, value: str, name: str) -> None:
    names = {name_of(place, token.form) for token in tokens(line) if token.value == value for place in token.places}
    assert name in names
