"""Joining: every piece is in one line, in order; what continues is read from the text, or from the setting."""

from __future__ import annotations

import re
from collections.abc import Hashable, Sequence
from pathlib import Path
from random import Random
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fusionlog.parsing.headers import Header
from fusionlog.parsing.joining import MAX_HELD, Joiner, Line, Piece, settled_lines
from fusionlog.settings import MultilineSettings, SystemSettings

CASES = Path(__file__).parents[1] / "cases"
MAX_BYTES = 64 * 1024
AUTO = MultilineSettings()
OFF = MultilineSettings(enabled=False)


class Partial(NamedTuple):
    id: str | None
    last: bool


class Sent(NamedTuple):
    """What comes: who wrote it, the text, the moment in seconds."""

    source: Hashable
    text: str
    moment: float = 0.0
    partial: Partial | None = None


def make_pieces(coming: Sequence[Sent]) -> list[Piece[int]]:
    return [
        Piece((offset, 0), each.source, each.text, each.moment, each.partial, offset)
        for offset, each in enumerate(coming)
    ]


def make_joiner(multiline: MultilineSettings = AUTO, header: str | None = None) -> Joiner[int]:
    matches = None
    if header:
        split = Header(SystemSettings(header=header))
        matches = lambda text: split.split(text).component is not None  # noqa: E731
    return Joiner(multiline, MAX_BYTES, matches)


def joined(coming: Sequence[Sent], joiner: Joiner[int] | None = None) -> list[Line[int]]:
    joiner = make_joiner() if joiner is None else joiner
    return [line for piece in make_pieces(coming) for line in joiner.push(piece)] + list(joiner.flush())


def texts(lines: Sequence[str], multiline: MultilineSettings = AUTO, header: str | None = None) -> list[str]:
    return [line.text for line in joined([Sent(None, text) for text in lines], make_joiner(multiline, header))]


def numbers(coming: Sequence[Sent], joiner: Joiner[int] | None = None) -> list[int]:
    """The number of pieces of each line."""
    return [line.pieces for line in joined(coming, joiner)]


BEFORE, AFTER = "2026-03-04 10:11:12 INFO up", "2026-03-04 10:11:13 INFO down"

CONTINUED = {
    "java": """2026-03-04 10:11:12 ERROR failed
java.lang.IllegalStateException: stock is negative
\tat s.e.Stock.take(Stock.java:46) ~[app.jar!/:na]
\tat java.base/java.lang.reflect.Method.invoke(Unknown Source)
\tSuppressed: java.io.IOException: close
\t\tat a.B.close(B.java:1)
Caused by: java.sql.SQLException: deadlock detected
  Detail: Process 1 waits
\tat org.postgresql.core.Query.run(Query.java:7)
\t... 24 more""",
    "java, frames without their tab": """2026-03-04 10:11:12 ERROR failed
java.lang.IllegalStateException
at s.e.Stock.take(Stock.java:46)
... 24 more
Caused by: java.io.IOException: x
at s.e.Stock.take(Native Method)""",
    "java, an exception in the head as well": """2026-03-04 ERROR [nested exception is java.lang.Error: x] with

java.lang.RuntimeException: x
\tat a.B.c(B.java:1)""",
    "java, uncaught": """Exception in thread "main" java.lang.NullPointerException
\tat Main.main(Main.java:3)""",
    "java.util.logging": """Mar 04, 2026 10:11:12 AM s.e.Stock take
SEVERE: stock is negative
java.lang.IllegalStateException: x
\tat s.e.Stock.take(Stock.java:46)""",
    "java, a bare exception": """2026-03-04 ERROR failed
java.lang.Exception: x
\tat a.B.c(B.java:1)
Caused by: java.lang.Error
\t... 24 more""",
    "java.util.logging, fine": "Mar 04, 2026 10:11:12 AM s.e.Stock take\nFINE: stock is low",
    "scala": """2026-03-04 ERROR failed
scala.MatchError: None (of class scala.None$)
\tat Main$.$anonfun$main$1(Main.scala:3)
\tat scala.collection.immutable.List.foreach(List.scala:431)""",
    "python": """2026-03-04 ERROR request failed
Traceback (most recent call last):
  File "/app/a.py", line 3, in f
    return 1 / 0
           ~~^~~
ZeroDivisionError: division by zero

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "/app/a.py", line 5, in g
    raise KeyboardInterrupt
KeyboardInterrupt

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File "/app/a.py", line 5, in g
    raise StopOrders("x")
app.faults.StopOrders: x""",
    "python, frames without their blanks": """2026-03-04 ERROR failed
Traceback (most recent call last):
File "/app/a.py", line 3, in f
return 1 / 0
File "/app/a.py", line 7, in g
f()
ZeroDivisionError: division by zero""",
    "python, a group": """2026-03-04 ERROR boom
  + Exception Group Traceback (most recent call last):
  |   File "<stdin>", line 1, in <module>
  | ExceptionGroup: unhandled errors in a TaskGroup (1 sub-exception)
  +-+---------------- 1 ----------------
    | ValueError: one
    +------------------------------------""",
    "python, sqlalchemy": """2026-03-04 ERROR bad
Traceback (most recent call last):
  File "a.py", line 3, in f
    save()
sqlalchemy.exc.IntegrityError: (psycopg2.errors.UniqueViolation) duplicate key
DETAIL:  Key (id)=(1) already exists.

[SQL: INSERT INTO t (id) VALUES (%(id)s)]
[parameters: {'id': 1}]
(Background on this error at: https://sqlalche.me/e/20/gkpj)""",
    "python, pydantic": """2026-03-04 ERROR bad
Traceback (most recent call last):
  File "a.py", line 3, in f
    Order(id="x")
pydantic_core._pydantic_core.ValidationError: 1 validation error for Order
id
  Input should be a valid integer [type=int_parsing, input_value='x', input_type=str]""",
    "go": """2026/03/04 10:11:12 serving
panic: runtime error: invalid memory address or nil pointer dereference
[signal SIGSEGV: segmentation violation code=0x1 addr=0x0 pc=0x48f1c2]

goroutine 1 [running]:
main.(*Server).handle(0xc000010000, {0xc00001, 0x5})
\t/app/main.go:12 +0x1d
net/http.HandlerFunc.ServeHTTP(...)
\t/usr/local/go/src/net/http/server.go:2136
panic({0x4a1d60?, 0x4e1230?})
\t/usr/local/go/src/runtime/panic.go:914 +0x21f
created by main.main in goroutine 1
\t/app/main.go:20 +0x5c

goroutine 18 [chan receive, 2 minutes]:
main.worker(0x1)
\t/app/main.go:30 +0x1
exit status 2""",
    "go, zap": """2026-03-04T10:11:12.206Z\tERROR\tapp/main.go:12\tfailed\t{"error": "x"}
main.run
\t/app/main.go:12
acme.io/shop/internal/store.(*Store).Take
\t/app/store.go:20
runtime.main
\t/usr/local/go/src/runtime/proc.go:267""",
    "php, laravel": """[2026-03-04 10:11:12] a.ERROR: no {"exception":"[object] (RuntimeException(code: 0): no at /a:3)
[stacktrace]
#0 /a.php(3): take()
#1 {main}

[previous exception] [object] (LogicException(code: 0): why at /b.php:7)
[stacktrace]
#0 {main}
"} """,
    "python, no exception": """2026-03-04 ERROR failed
NoneType: None""",
    "dotnet": """fail: Microsoft.AspNetCore.Server.Kestrel[13]
      An unhandled exception was thrown by the application.
System.InvalidOperationException: Order failed
 ---> System.Data.SqlClient.SqlException (0x80131904): Timeout expired.
   at System.Data.SqlClient.SqlConnection.OnError(SqlException exception, Boolean breakConnection)
   --- End of inner exception stack trace ---
   at Shop.Orders.Place(Order order) in C:\\src\\Orders.cs:line 42
--- End of stack trace from previous location where exception was thrown ---
   at Shop.Orders.<PlaceAsync>d__5.MoveNext()""",
    "node": """2026-03-04 error: cannot open
TypeError: Cannot read properties of undefined (reading 'id')
    at Object.<anonymous> (/app/server.js:10:15)
    at async Promise.all (index 0)
    at processTicksAndRejections (node:internal/process/task_queues:95:5)
    at /app/x.js:3:4 {
  code: 'ENOENT',
  [cause]: Error: connect ECONNREFUSED 127.0.0.1:5432
      at TCPConnectWrap.afterConnect [as oncomplete] (node:net:1278:16) {
    errno: -111
  }
}""",
    "node, uncaught": """/app/server.js:12
    throw new Error('no stock');
    ^

Error: no stock
    at Object.<anonymous> (/app/server.js:12:11)

Node.js v18.19.0""",
    "ruby": """app/models/stock.rb:12:in `take': stock is negative (RuntimeError)
\tfrom app/models/order.rb:3:in `place'
\tfrom main.rb:1:in `<main>'""",
    "rails": """E, [2026-03-04T10:11:12.206 #1] ERROR -- : refused
NoMethodError (undefined method `id' for nil:NilClass):
app/controllers/orders_controller.rb:12:in `show'
actionpack (5.2.1) lib/action_controller/metal.rb:3:in `call'""",
    "php": """PHP Fatal error:  Uncaught RuntimeException: stock is negative in /var/www/a.php:12
Stack trace:
#0 /var/www/b.php(3): take(1)
#1 {main}

Next LogicException: order failed in /var/www/a.php:15
Stack trace:
#0 {main}
  thrown in /var/www/a.php on line 15""",
    "rust": """thread 'main' panicked at src/main.rs:4:5:
index out of bounds: the len is 3 but the index is 99
stack backtrace:
   0: rust_begin_unwind
             at /rustc/90c541806f23/library/std/src/panicking.rs:578:5
note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace""",
    "rust, anyhow": """Error: cannot save order

Caused by:
    0: cannot open store
    1: No such file or directory (os error 2)

Stack backtrace:
   0: anyhow::error::from""",
    "elixir": """10:11:12.206 [error] GenServer #PID<0.1.0> terminating
** (RuntimeError) oops
    (app 0.1.0) lib/app.ex:12: App.handle_call/3""",
    "dart": """Unhandled exception:
FormatException: bad
#0      main.<anonymous closure> (file:///a.dart:3:5)
#1      main (file:///a.dart:9:3)""",
    "sql, not indented": """2026-03-04 LOG:  statement: SELECT a,
b
FROM t
LEFT JOIN u ON u.id = t.id
WHERE x = 1
  AND y = 2
ORDER BY
a;""",
    "sql on the next line": """2026-03-04 LOG:  slow query:
UPDATE t
SET a = 1
WHERE id = 2;""",
    "postgresql": """2026-03-04 10:11:12 UTC [1] ERROR:  syntax error at or near "FRM" at character 10
\tSELECT a
\tFRM t""",
    "postgresql without a prefix": """ERROR:  duplicate key value violates unique constraint "u"
DETAIL:  Key (id)=(1) already exists.
STATEMENT:  INSERT INTO t VALUES (1)""",
    "json": """2026-03-04 INFO response: {
  "a": 1,
  "b": [
    1
  ]
}""",
    "json on the next line": """2026-03-04 INFO response:
{
"a": 1,
"b": [
  1
],
"c": {}
}""",
    "xml": """2026-03-04 INFO request:  <Order>
  <id>1</id>
</Order>""",
    "yaml": """2026-03-04 INFO settings:
  port: 8080
  hosts:
    - a
    - b""",
    "a list": """2026-03-04 INFO listening on
  - 127.0.0.1:80
  - 127.0.0.1:443""",
    "a line that goes on": """2026-03-04 INFO run --fast \\
--dry""",
}


@pytest.mark.parametrize("name", CONTINUED)
def test_what_continues_a_line_is_joined_to_it_and_nothing_else(name: str) -> None:
    whole = CONTINUED[name]
    assert texts([BEFORE, *whole.split("\n"), AFTER]) == [BEFORE, whole, AFTER]


@pytest.mark.parametrize(
    "lines",
    [
        ["order accepted", "order accepted for alice", "at noon (see the plan) the backup begins", "at 10:05 it ends"],
        ["starting", "done", "Error: cannot open a.txt", "Exception: none", "Errors found: 3"],
        ["INFO up", " WARN low on memory", "ERROR out of memory", " INFO down"],
        ["  started", "  stopped", "  started"],
        ["2026-03-04 a,", "2026-03-04 b", "10:11:12 c", "<34>1 d", "[2026-03-04 10:11:12] e"],
        ["connected, waiting for", "from bob and", "and on shutdown", "order by mail", "select a room"],
        ["#5 [1/3] FROM python", "#6 [2/3] COPY . .", "#7 DONE 0.1s"],
        ["ValueError: a", "ValueError: b", "java.io.IOException: c"],
        ['{"a": 1}', '{"b": 2}', "java.io.IOException: c", '{"c": 3}', "  banner", '{"d": 4}'],
        ["node.rpc: Kafka version: 3.1", "org.apache.kafka.common.utils.AppInfoParser: started"],
        ["example.com", "main.run", "a/b.txt", "10.0.0.1", "done."],
        ["R02-M1-N0 RAS KERNEL INFO corrected", "R02-M1-N0 RAS KERNEL FATAL data TLB error interrupt"],
        ["Mar  4 10:11:12 host sshd[1]: accepted", "Mar  4 10:11:12 host sshd[1]: closed"],
        ['127.0.0.1 - - [04/Mar/2026:10:11:12 +0000] "GET / HTTP/1.1" 200', '::1 - - "GET /a HTTP/1.1" 404'],
        ["- waiting on bob", "- locked the door", "--- End of day report ---", "---> next", "... 3 left"],
        ["created by alice.smith", "exit status 1", "Suppressed: 3 messages", "QUERY: SELECT 1", "HINT: none"],
        ["LoginFailure: bob", "ReadTimeout: 3 s", "Failure: none", "Caused: none"],
        ["thread 'main' started", "panicked readers: 3", "note: all is well", "trace: on"],
        ["级别 信息", "订单 已接受", "订单 已完成"],
    ],
)
def test_ordinary_lines_are_not_joined(lines: list[str]) -> None:
    assert texts(lines) == lines


def test_the_first_line_continues_nothing() -> None:
    assert texts(["\tat a.B.c(B.java:1)", "\tat a.B.d(B.java:2)", AFTER]) == [
        "\tat a.B.c(B.java:1)\n\tat a.B.d(B.java:2)", AFTER,
    ]  # fmt: skip


def test_an_exception_behind_the_frames_of_another_begins_a_line() -> None:
    first, second = "java.io.IOException: a\n\tat a.B.c(B.java:1)", "java.io.IOException: b\n\tat a.B.c(B.java:1)"
    assert texts([*first.split("\n"), *second.split("\n")]) == [first, second]


def test_a_line_with_the_systems_header_begins_a_line_whatever_its_form() -> None:
    header = "<Component>: <Level> <Content>"
    lines = ["shop: INFO up", "IOError: WARN none today", " till: INFO indented", "till: INFO up"]
    assert texts(lines, header=header) == lines
    assert texts([*lines, "java.io.IOException"], header=header) == [*lines[:-1], f"{lines[-1]}\njava.io.IOException"]


def test_objects_of_json_over_several_lines_are_a_line_each() -> None:
    block = '{\n  "a": 1\n}'
    assert texts([*block.split("\n")] * 2) == [block, block]
    assert texts([*block.split("\n")] * 2, header="<Component>: <Content>") == [block, block]
    assert texts(["shop: got", *block.split("\n")], header="<Component>: <Content>") == [f"shop: got\n{block}"]


def test_frames_continue_though_a_short_header_matches_them() -> None:
    whole = (
        "ERROR Orders failed now\n\tat a.B c(B.java:1)\nCaused by: java.io.IOException: full\n\t... 24 common frames"
    )
    lines = whole.replace("a.B c", "a.B.c").split("\n")
    assert texts(lines, header="<Level> <Component> <Context> <Content>") == ["\n".join(lines)]


def test_the_case_of_a_trace_line_by_line() -> None:
    lines = (CASES / "stack-trace-line-by-line" / "lines.log").read_text(encoding="utf-8").splitlines()
    found = texts(lines, header="<Date> <Time> <Level> <Trace> [<Thread>] <Component>: <Content>")
    assert found == ["\n".join(lines[a:b]) for a, b in [(0, 1), (1, 9), (9, 10), (10, 13)]]
    assert texts(lines) == found


def test_start_makes_every_other_line_a_continuation() -> None:
    starting = MultilineSettings(start=r"^\d{4}-")
    assert texts(["a", "2026-1", "b", "  c", "2026-2"], starting) == ["a", "2026-1\nb\n  c", "2026-2"]


def test_continues_makes_every_other_line_a_first_one() -> None:
    continuing = MultilineSettings(continues=r"^(\||>)")
    assert texts(["a", "| b", "> c", "  d", "java.io.IOException"], continuing) == [
        "a\n| b\n> c", "  d", "java.io.IOException",
    ]  # fmt: skip


def test_without_multiline_a_line_is_complete_at_once() -> None:
    joiner = make_joiner(OFF)
    for piece in make_pieces([Sent(None, "a"), Sent(None, "\tat a.B.c(B.java:1)")]):
        assert [line.text for line in joiner.push(piece)] == [piece.text]
        assert joiner.first_held is None


@pytest.mark.parametrize("multiline", [AUTO, OFF])
@pytest.mark.parametrize("last", [None, Partial(None, True)])
def test_pieces_without_an_id_follow_each_other_within_their_source(
    multiline: MultilineSettings, last: Partial | None
) -> None:
    coming = [
        Sent("a", '{"x": "1', partial=Partial(None, False)),
        Sent("b", "other", partial=last),
        Sent("a", "2", partial=Partial(None, False)),
        Sent("a", '3"}', partial=last),
        Sent("a", "whole", partial=last),
    ]
    found = joined(coming, make_joiner(multiline))
    assert [line.text for line in found] == ['{"x": "123"}', "other", "whole"]
    assert (found[0].first, found[0].last, found[0].pieces, found[0].payload) == ((0, 0), (3, 0), 3, 0)


@pytest.mark.parametrize("multiline", [AUTO, OFF])
def test_pieces_with_an_id_are_found_among_other_lines_of_their_source(multiline: MultilineSettings) -> None:
    coming = [
        Sent("a", "one ", partial=Partial("x", False)),
        Sent("a", "whole"),
        Sent("a", "uno ", partial=Partial("y", False)),
        Sent("a", "two", partial=Partial("x", True)),
        Sent("a", "due", partial=Partial("y", True)),
    ]
    assert [line.text for line in joined(coming, make_joiner(multiline))] == ["one two", "whole", "uno due"]


def test_a_cut_line_may_continue_another_and_be_continued() -> None:
    coming = [
        Sent("a", "ERROR failed"),
        Sent("a", "java.io.IOException: f", partial=Partial(None, False)),
        Sent("a", "ull", partial=Partial(None, True)),
        Sent("a", "\tat a.B.c(B.java:1)", partial=Partial(None, True)),
        Sent("a", "next", partial=Partial(None, True)),
    ]
    assert [line.text for line in joined(coming)] == [
        "ERROR failed\njava.io.IOException: full\n\tat a.B.c(B.java:1)", "next",
    ]  # fmt: skip


def test_the_traces_of_several_sources_are_kept_apart() -> None:
    trace = ["1 failed", "java.io.IOException: x", "\tat a.B.c(B.java:1)"]
    coming = [Sent(source, text) for text in trace for source in "abc"]
    assert [line.text for line in joined(coming)] == ["\n".join(trace)] * 3


def test_lines_come_out_in_the_order_in_which_they_begin() -> None:
    joiner = make_joiner()
    pieces = make_pieces([Sent("a", "1"), Sent("b", "2"), Sent("b", "3"), Sent("a", "4")])
    assert [[line.text for line in joiner.push(piece)] for piece in pieces] == [[], [], [], ["1", "2"]]
    assert joiner.first_held == (2, 0)
    assert [line.text for line in joiner.flush()] == ["3", "4"]


def test_a_line_waits_for_its_source_for_some_seconds_of_kafkas_time() -> None:
    joiner = make_joiner(MultilineSettings(wait_seconds=5))
    pieces = make_pieces(
        [Sent("a", "1 failed", 10), Sent("b", "2", 15), Sent("b", "3", 15.1), Sent("a", "\tat a.B.c(B.java:1)", 15.2)]
    )
    assert [[line.text for line in joiner.push(piece)] for piece in pieces] == [[], [], ["1 failed", "2"], []]
    assert [line.text for line in joiner.flush()] == ["3", "\tat a.B.c(B.java:1)"]


def test_a_late_continuation_begins_a_line_and_is_counted() -> None:
    joiner = make_joiner(MultilineSettings(wait_seconds=5))
    assert numbers([Sent(None, "1 failed", 10), Sent(None, "\tat a.B.c(B.java:1)", 16)], joiner) == [1, 1]
    assert joiner.cuts == 1


def test_behind_the_limit_of_lines_the_rest_is_a_line_of_its_own() -> None:
    joiner = make_joiner(MultilineSettings(max_lines=3))
    assert numbers([Sent(None, "1 failed"), *[Sent(None, "\tat a.B.c(B.java:1)")] * 4], joiner) == [3, 2]
    assert joiner.cuts == 1


@pytest.mark.parametrize(("text", "fits"), [("x" * 50, True), ("x" * 51, False), ("é" * 25, True), ("é" * 26, False)])
def test_a_joined_line_has_no_more_bytes_than_a_line_may_have(text: str, fits: bool) -> None:
    joiner: Joiner[int] = Joiner(AUTO, 60)
    assert numbers([Sent(None, "1 failed"), Sent(None, f" {text}")], joiner) == ([2] if fits else [1, 1])
    assert joiner.cuts == (not fits)


def test_a_cut_line_beyond_the_limit_goes_on_as_another_line() -> None:
    joiner: Joiner[int] = Joiner(AUTO, 64)
    pieces = [Sent("a", "x" * 30, partial=Partial(None, False)) for _ in range(4)]
    found = joined([*pieces, Sent("a", "y", partial=Partial(None, True)), Sent("a", "z")], joiner)
    assert [line.text for line in found] == ["x" * 60, "x" * 60 + "y", "z"]
    assert joiner.cuts == 1


def test_a_piece_whose_end_never_comes_holds_nobody_back_for_long() -> None:
    joiner = make_joiner()
    found = joined([Sent("a", "x", 0, Partial("i", False)), *[Sent("b", f"{each}", each) for each in range(6)]], joiner)
    assert [line.text for line in found] == ["x", "0", "1", "2", "3", "4", "5"]
    assert joiner.cuts == 1


def test_a_silent_source_holds_back_a_limited_number_of_lines() -> None:
    joiner = make_joiner()
    pieces = make_pieces([Sent("a", "0"), *[Sent("b", "1")] * (MAX_HELD + 5)])
    most = 0
    for piece in pieces:
        joiner.push(piece)
        most = max(most, joiner.held)
    assert most == MAX_HELD
    assert joiner.first_held is not None
    assert joiner.first_held > (0, 0)


def test_one_time_in_the_far_future_loses_nothing() -> None:
    coming = [
        Sent("a", "1 failed", 10),
        Sent("b", "2", 1e12),
        Sent("a", "\tat a.B.c(B.java:1)", 11),
        Sent("a", "3", 12),
    ]
    assert [line.text for line in joined(coming)] == ["1 failed", "2", "\tat a.B.c(B.java:1)", "3"]


LINES = [
    "", " ", "1 a", "b", " c", "\tat a.B.c(B.java:1)", "java.io.IOException: x", "Caused by: y", "}", "{", "SELECT a,",
    "from t", "Traceback (most recent call last):", "ValueError", "panic: x", "main.main()", '{"a": 1}', "x" * 40,
]  # fmt: skip
PARTIALS = st.sampled_from([None, *(Partial(name, last) for name in (None, "i", "j") for last in (False, True))])
SENT = st.builds(
    Sent, st.sampled_from("ab"), st.sampled_from(LINES), st.sampled_from([0.0, 1.0, 3.0, 9.0, -5.0]), PARTIALS
)
SETTINGS = st.sampled_from(
    [
        AUTO,
        OFF,
        MultilineSettings(max_lines=2),
        MultilineSettings(start="^1"),
        MultilineSettings(continues="^ "),
    ]
)


@given(st.lists(SENT, max_size=40), SETTINGS, st.data())
def test_every_piece_is_in_one_line_in_order_and_nothing_is_held_after_a_flush(
    coming: list[Sent], multiline: MultilineSettings, data: st.DataObject
) -> None:
    joiner: Joiner[int] = Joiner(multiline, 100)
    pieces, found = make_pieces(coming), []
    for piece in pieces:
        lines = joiner.push(piece)
        found += lines
        begun = sorted(line.first for line in found)
        assert [line.first for line in found] == begun
        assert joiner.first_held is None or all(line.first < joiner.first_held for line in found)
        assert (joiner.first_held is None) == (joiner.held == 0)
    found += joiner.flush()
    assert joiner.first_held is None
    assert joiner.held == 0
    assert sum(line.pieces for line in found) == len(coming)
    assert [line.first for line in found] == sorted({line.first for line in found})
    assert sum(line.text.count("x" * 40) for line in found) == sum(each.text == "x" * 40 for each in coming)
    assert all(line.payload == line.first[0] and line.first <= line.last for line in found)
    assert all(len(line.text.encode()) <= 100 for line in found)
    again: Joiner[int] = Joiner(multiline, 100)
    assert [line for piece in pieces for line in again.push(piece)] + list(again.flush()) == found


@given(st.lists(SENT, max_size=30), SETTINGS)
def test_a_source_alone_is_joined_as_beside_others(coming: list[Sent], multiline: MultilineSettings) -> None:
    """So long as no time and no limit intervenes."""
    level = [each._replace(moment=0.0) for each in coming]
    beside = joined(level, Joiner(multiline, MAX_BYTES))
    for source in "ab":
        places = [place for place, each in enumerate(level) if each.source == source]
        alone = joined([level[place] for place in places], Joiner(multiline, MAX_BYTES))
        own = [line for line in beside if level[line.payload].source == source]
        assert [(line.text, line.pieces) for line in alone] == [(line.text, line.pieces) for line in own]


ANY_LINES = sorted({*LINES, *(line for text in CONTINUED.values() for line in text.split("\n"))})


@given(st.lists(st.sampled_from(ANY_LINES), min_size=2, max_size=12), SETTINGS)
def test_a_settled_line_behind_another_is_never_joined(lines: list[str], multiline: MultilineSettings) -> None:
    is_settled = settled_lines(multiline)
    for line in joined([Sent(None, text) for text in lines], make_joiner(multiline)):
        assert line.pieces == 1 or not all(map(is_settled, lines[line.first[0] :][:2]))


@pytest.mark.parametrize(
    ("text", "settled"),
    [
        (BEFORE, True),
        ("order accepted", True),
        ("connected, waiting for:", True),
        ("java.io.IOException: x", False),
        ("Caused by: x", False),
        ("from t", False),
        ("2026-03-04 LOG:  statement: SELECT a,", False),
        ("Mar 04, 2026 10:11:12 AM s.e.Stock take", False),
    ],
)
def test_a_settled_line_neither_continues_nor_is_continued_by_one(text: str, settled: bool) -> None:
    assert settled_lines(AUTO)(text) == settled
    assert settled_lines(OFF)(text)


def test_a_whole_line_can_be_taken_back_while_nothing_else_is_held() -> None:
    joiner = make_joiner()
    first, second, third = make_pieces([Sent(None, "a"), Sent(None, "b"), Sent(None, "\tat a.B.c(B.java:1)")])
    joiner.push(first)
    assert joiner.take_only() is first
    assert joiner.first_held is None
    assert joiner.take_only() is None
    joiner.push(second)
    joiner.push(third)
    assert joiner.take_only() is None
    assert joiner.first_held == second.position


def test_by_an_expression_its_first_lines_are_settled_if_digits_do_not_matter_to_it() -> None:
    is_settled = settled_lines(MultilineSettings(start=r"^\d+ "))
    assert is_settled("12 a")
    assert not is_settled("a")
    assert not is_settled("12 123e4567-e89b-12d3-a456-426614174000")
    assert not settled_lines(MultilineSettings(start="^1"))("1 a")


@given(st.sampled_from(ANY_LINES), st.randoms(use_true_random=False))
def test_lines_of_a_shape_are_settled_or_none_is(text: str, random: Random) -> None:
    other = re.sub("[0-9]", lambda _: random.choice("0123456789"), text)
    assert settled_lines(AUTO)(text) == settled_lines(AUTO)(other)
