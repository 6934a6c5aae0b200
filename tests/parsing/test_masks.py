from itertools import islice
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import plain_masks
from fusionlog.data.systems import read_stream
from fusionlog.errors import SettingError
from fusionlog.parsing.code_fields import keep_expression
from fusionlog.parsing.masks import Masks
from fusionlog.parsing.session_keys import KeyExpression
from fusionlog.parsing.templates import CONSTANT


def mask(text: str, session: str | None = None, extra: dict[str, str] | None = None) -> str:
    return Masks(extra or {}).mask(text, KeyExpression(session).find(text))


INSTANCE = "(?:instance: |/servers/)([0-9a-f-]{36})"
UUID = "49e3b6bc-61c4-47b1-85e8-010c6d88848e"


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        (f"[req-{UUID}] x", "[req-<UUID>] x"),
        ("from /10.251.75.228:54105 to 10.0.0.1, 1.2.3.4:", "from <IP> to <IP>, <IP>:"),
        ("10.251.39.144:50010:Got exception", "<IP>:Got exception"),
        ("fe80::1 ::1 std::string a::b", "<IP> <IP> std::string a::b"),
        ("link aa:bb:0c:dd:ee:ff up", "link <MAC> up"),
        ("at 2024-05-01T10:11:12.123Z, 10:11:12 or 2024/05/01 10:11:12,5", "at <TIME>, <TIME> or <TIME>"),
        ("in /var/log/a-b.log: and /tmp/x. ./y a/b / x", "in <PATH>: and <PATH>. ./y a/b / x"),
        ("GET https://a.b/c?x=1&y=2 HTTP/1.1", "GET https:<PATH> HTTP/<NUM>"),
        (r"open C:\Users\x\y.txt, \\srv\share failed \n \d", r"open <PATH>, <PATH> failed \n \d"),
        ("</name> 5/7", "</name> <NUM>/<NUM>"),
        ("dcr 0x02a3 and 4f5e6a7b8c9d, 00000008, ffffffff, deadbeef", "dcr <HEX> and <NUM>, <NUM>, <NUM>, deadbeef"),
        ("took 1.5ms, 10s, 64KB, 99.9% -5 a=-5 3.1e-5", "took <NUM>ms, <NUM>s, <NUM>KB, <NUM>% <NUM> a=<NUM> <NUM>"),
        ("queued as 4jXd2z1SSW1 by sha256 abcdefghij1", "queued as <ID> by sha256 abcdefghij1"),
        ("from=<ann.b+x@post.example> id 2026.17@[10.0.0.1]", "from=<<ADDRESS>> id <NUM>@[<IP>]"),
        ("message-id=<2026.245f19f@client>, Foo@1f2e", "message-id=<<ADDRESS>>, <ADDRESS>"),
        ("core.2275 worker-17 m_0001_x (12) [7] #3", "core.<NUM> worker-<NUM> m_<NUM>_x (<NUM>) [<NUM>] #<NUM>"),
        ("eth0 sha256 v1.2.3 python3.11 3.14ex", "eth0 sha256 v1.2.3 python3.11 3.14ex"),
    ],
)
def test_built_in_masks(text: str, masked: str) -> None:
    assert mask(text) == masked


def test_the_session_key_is_masked_with_what_surrounds_it_kept() -> None:
    assert mask(f"[instance: {UUID}] up, {UUID}", INSTANCE) == "[instance: <KEY>] up, <UUID>"


def test_a_key_without_a_group_is_masked_whole_and_everywhere() -> None:
    assert mask("ask blk_-1 blk_22.", r"blk_-?\d+") == "ask <KEY> <KEY>."


def test_an_optional_group_that_took_no_part_leaves_the_whole_match() -> None:
    assert mask("job 7 nojob", r"job (\d+)|nojob") == "job <KEY> <KEY>"


def test_own_masks_come_before_the_built_in_ones_and_after_the_key() -> None:
    masks = {"job": r"[JK]\d+", "user": "(?i)USER=(?P<who>[a-z]+)"}
    assert mask("J1 K2 user=bob 3", r"J\d+", masks) == "<KEY> <JOB> <USER> <NUM>"
    assert mask("User=Bob J1", None, {"user": "(?i)USER=(?P<who>[a-z]+)"}) == "<USER> J1"


@pytest.mark.parametrize(
    ("session", "extra", "setting"),
    [
        (r"\d*", {}, "session"),
        (None, {"x": "y?"}, "masks.x"),
        (None, {"two words": "y"}, "masks.two words"),
        (None, {"x": r"(a)\1"}, "masks.x"),
        (None, {"x": "(?P<a>x)", "y": "(?P<a>y)"}, "masks"),
    ],
)
def test_expressions_that_cannot_work_name_their_setting(
    session: str | None, extra: dict[str, str], setting: str
) -> None:
    with pytest.raises(SettingError) as raised:
        mask("", session, extra)
    assert raised.value.setting == setting


@given(st.text("ghijkGHIJK .,()=_", max_size=60))
def test_words_stay(text: str) -> None:
    assert Masks({}).mask(text) == text


@given(st.lists(st.integers(-(10**9), 10**9), min_size=1, max_size=8), st.sampled_from([" ", ", ", "=", "|", "#", ";"]))
def test_numbers_never_stay(numbers: list[int], between: str) -> None:
    masked = Masks({}).mask(between.join(map(str, numbers)))
    assert masked == between.join(["<NUM>"] * len(numbers))


@given(st.text("abxyz012.:/-_ \\FG", max_size=60))
def test_what_was_masked_is_not_masked_again(text: str) -> None:
    masks = Masks({})
    assert masks.mask(masks.mask(text)) == masks.mask(text)


@pytest.mark.parametrize("text", ["/", ":", "0.", "a:", "1e", "\\a", "aA0-", "0:00:", "f"])
def test_masking_takes_linear_time(text: str) -> None:
    """A mask whose steps grew with the square of this line would run into the tests' time limit."""
    masks, line = Masks({}), text * (500_000 // len(text))
    assert masks.mask(line)


SESSIONS = [
    None,
    r"blk_-?\d+",
    r"(?:id=|/servers/)([0-9a-f-]{4})",
    r"job (\d+)|nojob",
    "[0-9]-[a-z]",
    r"(?<=\()k\d",
    r"k\d k\d",
]
PIECES = [
    *("blk_-1", "id=", "/servers/", "0a-f", "12ab", "job ", "nojob", " ", "7-a", "7", "/a", ",", "(", ")", "  ", "\t"),
    *(
        "2024-05-01",
        "10:11:12",
        "2024-05-01 10:11:12.5",
        "k1",
        "k2",
        "4jXd2z1SSW1",
        "deadbee1",
        "a@b",
        "-",
        ":",
        ".",
        "=5",
    ),
    *(
        UUID,
        "0x1f",
        "eth0",
        "1.5ms",
        "::1",
        "10.0.0.1:80",
        "C:\\x",
        "12345678d",
        "1234567890ms",
        "/var/a-1e5b7c9d0/b",
        "ffffffff",
    ),
]
TEXTS = st.lists(st.sampled_from(PIECES), max_size=12).map("".join)


def single(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.parametrize("session", SESSIONS)
@given(TEXTS)
def test_masking_by_tokens_equals_one_expression_over_the_line(session: str | None, text: str) -> None:
    """The memo is warm at the second pass. Without keys even blanks make no difference."""
    masks, text = Masks({}), single(text)
    keys = KeyExpression(session).find(text)
    wanted = plain_masks.Masks({}).mask(text, keys)
    for _ in range(2):
        assert masks.mask_content(text, keys) == single(wanted)


@pytest.mark.parametrize(
    "extra", [{"job": "k[0-9]"}, {"job": r"(?<=job )\d+"}, {"rest": "id=.*"}, {"a": r"\(\S+\)"}, {"b": r"\b7\b"}]
)
@given(TEXTS)
def test_masking_with_own_masks_by_tokens_equals_one_expression(extra: dict[str, str], text: str) -> None:
    """But for an address: a placeholder of an own mask is no part of one."""
    masks, text = Masks(extra), single(text).replace("@", "")
    wanted = plain_masks.Masks(extra).mask(text)
    for _ in range(2):
        found = masks.mask_content(text)
        assert found.replace(CONSTANT, "").replace(" ", "") == wanted.replace(" ", "")


CODES = [
    *("status", "=", ": ", "502", " code ", "exit", "code 7", "rc=1", '"', "HTTP/1.1", "errno", "SIGKILL", "returned "),
    *("550 5.1.1", "OK", "200", " ", " "),
]
CODED = st.lists(st.sampled_from([*PIECES, *CODES]), max_size=12).map("".join)


@pytest.mark.parametrize("session", SESSIONS)
@given(CODED)
def test_codes_by_the_memo_are_codes_of_the_whole_line(session: str | None, text: str) -> None:
    masks, text = Masks({}), single(text)
    keys = KeyExpression(session).find(text)
    wanted = Masks({}).mask_whole(text, keys)
    for _ in range(2):
        assert masks.mask_content(text, keys) == wanted


@pytest.mark.parametrize("system", ["kafka", "postgresql", "rabbitmq", "postfix"])
def test_recorded_lines_are_masked_as_by_one_expression_but_for_codes(system: str) -> None:
    data = Path(__file__).parents[2] / "datasets"
    masks, plain = Masks({}), plain_masks.Masks({})
    for line in islice(read_stream(data, system), 3_000):
        text = single(line)
        found = masks.mask_content(text)
        assert found == masks.mask_whole(text)
        if CONSTANT not in found:
            assert found == plain.mask(text)


def test_an_own_mask_comes_before_a_code_and_its_placeholder_is_a_constant() -> None:
    masks = Masks({"status5xx": r'(?<=" )5\d\d(?= )', "job": r"J\d+"})
    assert masks.mask_content('"GET / HTTP/1.1" 502 17') == f'"GET / HTTP/<NUM>" {CONSTANT}<STATUS5XX> <NUM>'
    assert masks.mask_content('"GET / HTTP/1.1" 404 17') == f'"GET / HTTP/<NUM>" {CONSTANT}404 <NUM>'
    assert masks.mask_content("user=ann,job=J7,") == f"user=ann, {CONSTANT}job=<JOB>,"


def test_a_character_of_the_marks_in_a_line_is_no_mark() -> None:
    assert Masks({}).mask_content(f"a {CONSTANT}b 1") == "a \ufffdb <NUM>"


def test_kept_words_are_codes() -> None:
    masks = Masks({}, [keep_expression("state"), r"phase (\d+) of"])
    assert masks.mask_content('"state": 3, phase 17 of 20') == f'"state": {CONSTANT}3, phase {CONSTANT}17 of <NUM>'
    assert masks.mask_content("state=run-2 n=5") == f"{CONSTANT}state=run-2 n=<NUM>"


_LOCAL = st.lists(
    st.sampled_from(["ann", "f" * 8, "12", ".", "+", "_", "5.1.1", "10.0.0.1", "b5d4f4aa", "0x1f"]), min_size=1
)


@given(
    st.sampled_from(["", "<", "from=<", "message-id=<", "code=<", "exit_status=<", "fffffffff=<"]),
    _LOCAL,
    st.sampled_from(["@client", "@post.example", "@error", "@" + "f" * 8, "@a.code"]),
    st.sampled_from(["", ">", ">,", ">:"]),
)
def test_an_address_that_comes_once_is_masked_as_by_one_expression(
    key: str, local: list[str], host: str, end: str
) -> None:
    masks, line = Masks({}), f"{key}{''.join(local)}{host}{end} 502 is here"
    assert masks.mask_content(line) == masks.mask_whole(line)
