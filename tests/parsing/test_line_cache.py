from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fusionlog.data.systems import read_catalog, read_stream
from fusionlog.parsing.parser import Parser
from fusionlog.settings import IngestSettings, SystemSettings

TOKENS = [
    *("INFO", "a:", "disk", "eth0", "eth1", "0x1f", "1x2f", "10.0.0.1", "1.2.3", "12", "7", "123456789", "12345678d"),
    *(
        "[k1]",
        "[7 k1]",
        "10:11:12.003",
        "[main]",
        "c.d -",
        "2024/01/02 10:11:12",
        "level=info",
        'msg="k1 1"',
        '"k1"',
        "k1,",
    ),
    *("status: 200", "status: 502", "status: 5", "exit code 1", "exit code 7", "code", "signal 9", "rc=1", "rc=2,"),
    *('"GET / HTTP/1.1" 200 17', '"GET / HTTP/1.1" 999 17', "errno k1", "state=3", "state=4", "550 5.1.1", "250 5.1.1"),
    *("s=k1", "s=k2", "k1", "k2", "2024-01-02", "10:11:12", "u7@h8", "job12ab34cd5", "job99ab34cd5", "/a/b1", "-5"),
]
LINES = st.lists(st.lists(st.sampled_from(TOKENS), max_size=6).map(" ".join), max_size=40)
SYSTEMS = [
    SystemSettings(header="<Level> <Component>: <Content>", session=r"s=(\w+)"),
    SystemSettings(session=r"k\d"),
    SystemSettings(session=r"k[12]"),
    SystemSettings(masks={"job": "job12"}),
    SystemSettings(header="<Level> <Component>: <Content>", session=r"^\S+ (\w+):|(?<=s=)(\w+)"),
    SystemSettings(session=r"k\d", keys="all"),
    SystemSettings(header="<Level> [<Thread?>] <Content>", session_field="thread", time_field="level"),
    SystemSettings(header_regex=r"(?P<level>[A-Z]+) (?P<id>\S+) (?P<content>.*)", session_field="id"),
    SystemSettings(format="log4j", session=r"s=(\w+)"),
    SystemSettings(format="go", session_field="msg"),
    SystemSettings(keep=["state", r"code k(\d)"], session=r"k\d"),
    SystemSettings(header="<Status> <Level> <Content>", keep=["level"]),
    SystemSettings(session=r"code (\d)"),
]

UUIDS = [
    *(
        "01234567-0123-0123-0123-012345678901",
        "abcdefab-abcd-abcd-abcd-abcdefabcdef",
        "7a0f6b1e-12cd-4e5f-9a8b-00c0ffee0001",
    ),
    *(
        "ffffffff-ffff-ffff-ffff-ffffffffffff",
        "1234567e-1e11-1111-e111-11111111111e",
        "A0123456-0123-0123-0123-01234567890B",
    ),
]
BEFORE = [
    "status=",
    "",
    "req-",
    "/a/",
    "/a-",
    "k=",
    "(",
    "x_",
    "x",
    "-",
    "1234567e-",
    "2024-10-",
    "10:11:12,",
    "10:11:12-",
    "1.2.3.4:",
    "1:",
]
AFTER = ["", "]", "_del", "/disk", ".", ".5", ".-5", "x", ":80", "-5", "@h"]
IDENTIFIERS = st.tuples(st.sampled_from(BEFORE), st.just("{}"), st.sampled_from(AFTER)).map("".join)
FORM = st.lists(st.one_of(IDENTIFIERS, st.sampled_from(["INFO", "a:", "7", "-"])), min_size=1, max_size=4).map(" ".join)
IDENTIFIED = [
    SystemSettings(
        header="<Level> <Component> <Content>", session=r"req-([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})"
    ),
    SystemSettings(header="<Level>-<Content>", session=r"k=(\w{8})"),
    SystemSettings(session=r"req-\S+ (\w+)"),
    SystemSettings(session=r"-[a-f]+"),
    SystemSettings(header="<Level> [<Request>] <Component?>: <Content>", session_field="request", keys="all"),
    SystemSettings(session=r"(\S*-\S*)", keys="all"),
]


@pytest.mark.parametrize("system", SYSTEMS)
@given(LINES, st.sampled_from([10, 1000]))
def test_shapes_change_nothing_that_comes_out(system: SystemSettings, lines: list[str], most: int) -> None:
    """Beyond the cap of templates only what is told of them may differ: which events are told anew, and when."""
    plain, fast = (Parser("shop", system, IngestSettings(max_templates=most), shapes=each) for each in (False, True))
    for line in lines * 5:
        recalled, event = fast.recall(line.encode()), plain.parse(line)
        assert recalled in (None, event)
        assert fast.parse(line) == event
    if most == 1000:
        assert fast.new_templates(0.0) == plain.new_templates(0.0)


@pytest.mark.parametrize("system", IDENTIFIED)
@given(st.lists(FORM, min_size=1, max_size=3), st.data())
def test_other_identifiers_change_nothing_that_comes_out(
    system: SystemSettings, forms: list[str], data: st.DataObject
) -> None:
    plain, fast = (Parser("shop", system, IngestSettings(), shapes=each) for each in (False, True))
    for form in forms * 6:
        line = form.format(*(data.draw(st.sampled_from(UUIDS)) for _ in range(form.count("{}"))))
        recalled = fast.recall(line.encode())
        event = plain.parse(line)
        assert recalled in (None, event)
        assert fast.parse(line) == event


@pytest.mark.parametrize("before, after", [("req-", "]"), ("(", ")"), ("/a/", "_del"), ("", "")])
def test_a_line_with_other_identifiers_is_recalled(before: str, after: str) -> None:
    parser = Parser("shop", IDENTIFIED[0], IngestSettings())
    for uuid in UUIDS[:3] * 2:
        parser.parse(f"INFO a [{UUIDS[1]}] took 5 s {before}{uuid}{after}")
    line = f"INFO a [{UUIDS[2]}] took 9 s {before}{UUIDS[4]}{after}"
    assert parser.recall(line.encode()) == Parser("shop", IDENTIFIED[0], IngestSettings(), shapes=False).parse(line)


@pytest.mark.parametrize(
    "system, form",
    [
        (SystemSettings(session=r"req-(\w{8})"), "req-jobnames took req-{} now"),
        (SystemSettings(header="<Component>-<Host> <Content>"), "{} took"),
        (SystemSettings(header="<Level><Content>"), "{} took"),
    ],
)
def test_identifiers_that_are_not_masked_whole_are_told_apart(system: SystemSettings, form: str) -> None:
    plain, fast = (Parser("shop", system, IngestSettings(), shapes=each) for each in (False, True))
    for uuid in [UUIDS[1]] * 6 + UUIDS:
        assert fast.parse(form.format(uuid)) == plain.parse(form.format(uuid))


def test_a_key_that_is_part_of_an_identifier_is_looked_for_in_each_content() -> None:
    system = SystemSettings(header="<Request> <Content>", session=r"req-(\w{8})")
    plain, fast = (Parser("shop", system, IngestSettings(), shapes=each) for each in (False, True))
    for uuid in (UUIDS[0], UUIDS[2], UUIDS[4], UUIDS[1]):
        line = f"req-{uuid} of {UUIDS[1][:8]} failed"
        assert fast.parse(line) == plain.parse(line)


def test_a_hexadecimal_prefix_is_recalled_where_it_was() -> None:
    parser = Parser("shop", SystemSettings(), IngestSettings())
    for number in range(10, 16):
        parser.parse(f"at 0x{number} and 0x{number + 10}")
    assert parser.recall(b"at 0x99 and 0x98") is not None
    assert parser.recall(b"at 0x99 and 1x98") is None


def test_a_key_of_the_header_is_looked_for_in_each_content() -> None:
    """The key of one line of a shape stands in its content as well, another's does not."""
    system = SystemSettings(header="<Level> <Component>: <Content>", session=r"s=(\w+)")
    plain, fast = (Parser("shop", system, IngestSettings(), shapes=each) for each in (False, True))
    for line in ["s=k1 a: k1 x"] * 6 + ["s=k1 a: k2 x"]:
        assert fast.parse(line) == plain.parse(line)


@pytest.mark.parametrize("system", ["kafka", "postgresql"])
def test_real_streams_come_out_as_without_shapes(system: str) -> None:
    data = Path(__file__).parents[2] / "datasets"
    settings = read_catalog(data)[system]
    plain, fast = (Parser(system, settings, IngestSettings(), shapes=each) for each in (False, True))
    for line in read_stream(data, system):
        assert fast.parse(line) == plain.parse(line)
    assert fast.new_templates(0.0) == plain.new_templates(0.0)


def test_a_shape_is_recalled_by_its_code() -> None:
    parser = Parser("nova", SystemSettings(), IngestSettings())
    for number in range(8):
        for status in (200, 404):
            parser.parse(f"GET /v2/x{number} HTTP/1.1 status: {status} len: {number}893 time: 0.{number}")
    for status in (200, 404):
        line = f"GET /v2/x9 HTTP/1.1 status: {status} len: 9893 time: 0.9"
        recalled = parser.recall(line.encode())
        assert recalled is not None and f"status: {status} len: <NUM>" in recalled.text
    assert parser.recall(b"GET /v2/x9 HTTP/1.1 status: 500 len: 9893 time: 0.9") is None


def test_the_cache_rests_where_no_line_repeats_and_nothing_changes() -> None:
    plain, fast = (Parser("shop", SystemSettings(), IngestSettings(), shapes=each) for each in (False, True))
    repeated = "the link of a host is up again now"
    for number in range(2_500):
        for line in (
            (f"the link of host eth{number} is up again now", repeated)
            if number < 9
            else (f"the link of the host eth{number} is not up again now",)
        ):
            assert fast.parse(line) == plain.parse(line)
        if number == 9:
            assert fast.recall(repeated.encode()) is not None
    assert fast.recall(repeated.encode()) is None
    assert fast.parse(repeated) == plain.parse(repeated)
