import pytest

from fusionlog.errors import SettingError
from fusionlog.parsing.headers import Fields, Header
from fusionlog.settings import SystemSettings


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
    assert split(format, line)[:3] == fields


@pytest.mark.parametrize("line", ["", "INFO", "INFO no colon here", "\tat java.lang.Thread.run"])
def test_a_line_that_does_not_match_is_all_content(line: str) -> None:
    fields = split("<Level> <Component>: <Content>", line)
    assert fields[:3] == (line.strip(), None, None)
    assert not fields.matched


@pytest.mark.parametrize(
    "format", ["<Level> ", "<Content> <Level>", "<Content> <Content>", "<Level> <Level> <Content>", ""]
)
def test_wrong_formats_name_themselves(format: str) -> None:
    with pytest.raises(SettingError) as raised:
        split(format, "")
    assert raised.value.value == format


def test_special_characters_of_the_format_are_literal() -> None:
    assert split("(<Level>) *<Component>+ <Content>", "(E) *db+ x.y")[:3] == ("x.y", "db", "E")


def test_matching_takes_linear_time() -> None:
    """An expression that tried every split of this line over five fields would run into the tests' time limit."""
    assert split("<A>:<B>:<C>:<D>:<E> <Component>: <Content>", ":" * 60_000).component is None
