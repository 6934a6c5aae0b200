import pytest

from fusionlog.errors import SettingError
from fusionlog.parsing.headers import Fields, Header
from fusionlog.settings import SystemSettings


def parts(fields: Fields) -> tuple[str, str | None, str | None]:
    return fields.content, fields.component, fields.level


def split(format: str | None, line: str) -> Fields:
    return Header(SystemSettings(header=format)).split(line)


@pytest.mark.parametrize(
    ("format", "line", "fields"),
    [
        (
            "<Date> <Time> <Pid> <Level> <Component>: <Content>",
            "081109 203518 143 INFO dfs.DataNode$DataXceiver: Receiving block: blk_1",
            ("Receiving block: blk_1", "dfs.DataNode$DataXceiver", "INFO"),
        ),
        ("<Node> RAS <Component> <Level> <Content>", "R02:J12 RAS KERNEL INFO x", ("x", "KERNEL", "INFO")),
        ("[<Time>] [<Level>] <Content>", "[10:11] [warn] a [b] c", ("a [b] c", None, "warn")),
        (
            "<Month> <Day> <Time> <Host> <Component>[<Pid>]: <Content>",
            "Nov  2 10:11:12 web1 sshd[77]: no",
            ("no", "sshd", None),
        ),
        ("<Host>:<Component> <Content>", "a:b:c d", ("d", "b:c", None)),
        ("<Level> <Content>", "INFO  many   blanks ", ("many   blanks", None, "INFO")),
        ("<Level> <Content>", "INFO first\n\tat second", ("first\n\tat second", None, "INFO")),
        ("<level> <content>", "INFO x", ("x", None, "INFO")),
        ("<Content>", "all of it", ("all of it", None, None)),
        (None, " all of it ", ("all of it", None, None)),
    ],
)
def test_fields_of_lines(format: str | None, line: str, fields: tuple[str | None, ...]) -> None:
    assert parts(split(format, line)) == fields


@pytest.mark.parametrize("line", ["", "INFO", "INFO no colon here", "\tat java.lang.Thread.run"])
def test_a_line_that_does_not_match_is_all_content(line: str) -> None:
    fields = split("<Level> <Component>: <Content>", line)
    assert parts(fields) == (line.strip(), None, None)
    assert not fields.matched


@pytest.mark.parametrize(
    "format", ["<Level> ", "<Content> <Level>", "<Content> <Content>", "<Level> <Level> <Content>", ""]
)
def test_wrong_formats_name_themselves(format: str) -> None:
    with pytest.raises(SettingError) as raised:
        split(format, "")
    assert raised.value.value == format


def test_special_characters_of_the_format_are_literal() -> None:
    assert parts(split("(<Level>) *<Component>+ <Content>", "(E) *db+ x.y")) == ("x.y", "db", "E")


def test_matching_takes_linear_time() -> None:
    """An expression that tried every split of this line over five fields would run into the tests' time limit."""
    assert split("<A>:<B>:<C>:<D>:<E> <Component>: <Content>", ":" * 60_000).component is None


@pytest.mark.parametrize(
    ("format", "line", "fields"),
    [
        ("<Time> [<Thread>] <Content>", "10:11 [ad | producer-1] x", ("x", None, None)),
        ("<Time> [<Thread>] <Content>", "10:11 [] x [y] z", ("x [y] z", None, None)),
        ("<Time> [<Thread>] <Content>", "10:11 [pool [1] a] x", ("x", None, None)),
        ("<Time> (<Thread>) <Component>: <Content>", "10:11 (a b) c: x", ("x", "c", None)),
        ('<Time> "<Request>" <Content>', '10:11 "GET / HTTP" 200', ("200", None, None)),
        ("user=<User>,db=<Db>,<Content>", "user=,db=a b,x", ("x", None, None)),
        ("<Time> <Component>[<Pid?>]: <Content>", "10:11 sshd[77]: x", ("x", "sshd", None)),
        ("<Time> <Component>[<Pid?>]: <Content>", "10:11 kernel: x", ("x", "kernel", None)),
        ("<Time> [<Thread?>] <Component> <Content>", "10:11 [a b] c x", ("x", "c", None)),
        ("<Time> [<Thread?>] <Component> <Content>", "10:11 c x", ("x", "c", None)),
        ("[<Thread?>] <Level>: <Content>", "INFO: x", ("x", None, "INFO")),
        ("<Level> <Component?>: <Content>", "INFO : x", ("x", None, "INFO")),
        ("<Level> <User?> - <Content>", "INFO - x", ("x", None, "INFO")),
        ("<Level> <User?> - <Content>", "INFO anna - x", ("x", None, "INFO")),
        ("<Host> <Sd> <Content>", 'h [a b="c d"][e f="\\"]"] x', ("x", None, None)),
        ("<Host> <StructuredData> <Content>", "h - x", ("x", None, None)),
        ("<Host> <Sd> <Content>", "h x", ("x", None, None)),
        ("<Host> <Sd> <Content>", "h -x y", ("-x y", None, None)),
        ("<Level> <Content>", "\ufeffINFO \ufeffx", ("x", None, "INFO")),
        ("<Level> <Component>: <Content>", "INFO a:", ("", "a", "INFO")),
    ],
)
def test_fields_with_blanks_and_without_anything(format: str, line: str, fields: tuple[str | None, ...]) -> None:
    found = split(format, line)
    assert parts(found) == fields
    assert found.matched


def test_the_content_has_its_place() -> None:
    line = "10:11 INFO  a: x y "
    header = Header(SystemSettings(header="<Time> <Level> <Component>: <Content>", time_field="Time"))
    found = header.split(line)
    assert found.start is not None
    assert line[found.start :].startswith("x y")
    assert found.place("time") == slice(0, 5)
    assert (found.place("Level"), found.place("host")) == (slice(6, 10), None)


@pytest.mark.parametrize(
    "format",
    ["<A>[<B?>]: <Content>", "[<A>] [<B>] [<C?>] <Content>", "<A?>=<B?>;<C?>,<Content>", "<A> <Sd> <B>: <Content>"],
)
@pytest.mark.parametrize("piece", ["[", "[a] ", "]", "a ", "=", '"', '[a b="', ";,", ": ", " "])
def test_optional_fields_take_linear_time(format: str, piece: str) -> None:
    split(format, "a " + piece * 15_000)


def regex(pattern: str, line: str) -> Fields:
    return Header(SystemSettings(header_regex=pattern)).split(line)


def test_a_regular_expression_splits_a_line() -> None:
    pattern = r"(?P<time>\S+) \[(?P<thread>[^\]]*)\] (?P<level>[A-Z]+) (?P<component>\S+) - (?P<content>.*)"
    found = regex(pattern, "10:11 [a b] WARN shop.Orders - no stock\n\tat x")
    assert parts(found) == ("no stock\n\tat x", "shop.Orders", "WARN")
    assert found.place("thread") == slice(7, 10)
    assert not regex(pattern, "java.io.IOException").matched


def test_the_content_of_a_regular_expression_may_be_followed_by_more() -> None:
    found = regex(r"(?P<content>.*) \((?P<component>[\w.]+)\)$", "started (kafka.Server)")
    assert parts(found) == ("started", "kafka.Server", None)


def test_groups_may_be_named_as_in_java_and_in_any_case() -> None:
    assert parts(regex(r"(?<Level>\w+) (?<Content>.*)", "INFO x")) == ("x", None, "INFO")


def test_a_long_content_is_whole() -> None:
    assert regex(r"(?P<level>\w+) (?P<content>.*)", "INFO " + "x" * 50_000).content == "x" * 50_000


@pytest.mark.parametrize(
    "system",
    [
        {"format": "klog", "header": "<Content>"},
        {"header": "<Content>", "header_regex": "(?P<content>.*)"},
        {"format": "klog", "header_regex": "(?P<content>.*)"},
    ],
)
def test_one_description_of_a_header_is_enough(system: dict[str, str]) -> None:
    with pytest.raises(SettingError, match="keep one of them"):
        Header(SystemSettings(**system))
