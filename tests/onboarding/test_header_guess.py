"""Headers by the columns that lines share."""

from __future__ import annotations

import pytest

from fusionlog.onboarding.header_guess import guess_header, is_continuation

CASES = {
    "2026-11-22 18:13:48.9{n} UTC [1663{n}] 6b0330d{n}.40fb {who}@store LOG:  statement: COMMIT":
        "<Date> <Time> <Zone> [<Pid>] <Host> <Component> <Level>: <Content>",
    "[2026-11-22 20:35:0{n},423] node-1 {level} Log for it is renamed": "[<Date> <Time>] <Host> <Level> <Content>",
    "Nov  {n} 20:47:09 mail postfix/{who}[1108{n}]: message accepted here":
        "<Month> <Day> <Time> <Host> <Component>[<Pid>]: <Content>",
    "08110{n} 203530 14{n} {level} dfs.{who}$Xceiver: Receiving block now":
        "<Date> <Time> <Pid> <Level> <Component>: <Content>",
    "{level} nova.{who}.manager [req-{n}] instance was started again": "<Level> <Component> [<Context>] <Content>",
    "2026-03-04 10:11:1{n},123 {level}  [exec-{n}] com.x.{who} - order was accepted":
        "<Date> <Time> <Level> [<Context>] <Component> - <Content>",
    "2026-03-04 10:11:1{n},123 - app.{who} - {level} - order {n} accepted":
        "<Date> <Time> - <Component> - <Level> - <Content>",
    "2026-03-04T10:11:1{n}.123Z [{level}] order {n} was taken": "<Time> [<Level>] <Content>",
    "2026-03-04 10:11:1{n}|{level}|{n}|order was taken": "<Date> <Time>|<Level>|<Pid>|<Content>",
    "2026-03-04 10:11:1{n}.123 | {level} | {who}: order was taken": "<Date> <Time> | <Level> | <Component>: <Content>",
    "2026-03-04T10:11:1{n}Z,{level},order was taken": "<Time>,<Level>,<Content>",
    "job {n} of {who} finished with exit code {n}": None,
    "time=2026-03-04T10:11:1{n}Z level={level} msg=\"order taken\" id={n}": None,
}  # fmt: skip


def lines_of(form: str) -> list[str]:
    levels, people = ("INFO", "WARN", "ERROR"), ("shop", "billing", "loader", "monitor")
    return [form.format(n=number % 10, level=levels[number % 3], who=people[number % 4]) for number in range(60)]


@pytest.mark.parametrize(("form", "header"), CASES.items())
def test_the_header_is_what_the_columns_show(form: str, header: str | None) -> None:
    assert guess_header(lines_of(form)) == header


def test_lines_of_a_stack_trace_have_no_part_in_it() -> None:
    lines = lines_of("2026-03-04 10:11:12 {level} com.x.{who}: request failed")
    trace = [
        "java.lang.IllegalStateException: stock",
        "\tat s.e.Stock.take(Stock.java:46)",
        "Caused by: x.Y: z",
        "\t... 3 more",
    ]
    assert (
        guess_header([each for line in lines for each in (line, *trace)])
        == "<Date> <Time> <Level> <Component>: <Content>"
    )
    assert all(map(is_continuation, trace))
    assert not any(map(is_continuation, lines))


def test_no_lines_have_no_header() -> None:
    assert guess_header([]) is None
    assert guess_header(["", " indented"]) is None
