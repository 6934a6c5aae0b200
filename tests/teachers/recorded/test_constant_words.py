from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fusionlog.teachers.recorded.constant_words import MAX_WORDS, is_cut, shown, template, words

IP = st.ip_addresses(v=4).map(str)
NUMBER = st.integers(0, 10**12).map(str)
UUID = st.uuids().map(str)
PATH = st.from_regex(r"(?:/[a-z]{2,8}){1,4}", fullmatch=True)
EMAIL = st.from_regex(r"[a-z]{3,8}@[a-z]{3,8}\.com", fullmatch=True)
NAME = st.from_regex(r'"[a-z]{2,9}"', fullmatch=True)
LIST = st.lists(st.from_regex(r"[a-z]{2,6}", fullmatch=True), min_size=2, max_size=5).map(
    lambda names: f"[{', '.join(names)}]"
)
SLOTS = {"IP": IP, "NUM": NUMBER, "UUID": UUID, "PATH": PATH, "EMAIL": EMAIL, "NAME": NAME, "LIST": LIST}


def slot(name: str) -> st.SearchStrategy[str]:
    """A value, or what stands for one in a redacted line, a masked one, or a template."""
    return SLOTS[name] | st.just(f"<{name}>") | st.just("<*>")


@st.composite
def forms(draw: st.DrawFn) -> tuple[str, str]:
    """Two lines of one event: the same words, other values or placeholders."""
    pieces = draw(st.lists(st.sampled_from([*SLOTS, "opened", "by", "Failed", "status=sent", "from"]), max_size=12))
    return tuple(" ".join(draw(slot(piece)) if piece in SLOTS else piece for piece in pieces) for _ in range(2))


@given(forms())
def test_what_varies_has_no_part_in_the_words(pair: tuple[str, str]) -> None:
    one, other = pair
    assert words(one) == words(other) == words(shown(one)) == words(template(one))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Nov 22 18:28:31 mail postfix/qmgr[16500]: 4jXcyl1X: removed", "mail postfix qmgr removed"),
        ("to=<p15@supplier.example>, dsn=5.1.1, status=bounced", "to dsn status bounced"),
        ("state HUNG on aa:bb:cc:dd:ee:ff, ids deadbeefcafe", "state HUNG on ids"),
        ("[SocketServer listenerType=BROKER, nodeId=1] up", "SocketServer listenerType BROKER nodeId up"),
        ("dirs ArrayBuffer(/srv/a, /srv/b) and topics=[orders]", "dirs ArrayBuffer and topics"),
        ('level=error msg="no space left" file="x"', "level error msg no space left file"),
        ('{"level": "error", "msg": "no space left"}', "level error msg no space left"),
        ("relation 'pay ment' doesn't exist, isn't there", "relation doesn exist isn there"),
        ("unplugged-8b1fd4a1-7d2d-4c37-9a54-0a1b2c3d4e5f", "unplugged"),
        ("failed, failed again, then failed", "failed again then"),
        ("запись 7 не удалась", "запись не удалась"),
        ("12 0x7f 3.5", ""),
    ],
)
def test_the_words_of_lines(text: str, expected: str) -> None:
    assert " ".join(words(text)) == expected


def test_words_that_change_the_meaning_stay() -> None:
    for one, other in [("INFO disk 1", "ERROR disk 1"), ("a job failed", "a job succeeded"), ("s=sent", "s=deferred")]:
        assert words(one) != words(other)


def test_of_a_long_line_the_front_counts_and_no_half_word() -> None:
    line = " ".join(f"word{'abcdefgh'[place % 8]}{'ijklmnop'[place // 8]}" for place in range(64))
    assert is_cut(line)
    assert words(line) == words(shown(line)) == words(f"{line} and more")
    assert len(words(line)) == MAX_WORDS
    assert words("one " + "1234567890 " * 36 + "alphabet soup") == ("one",)


@pytest.mark.parametrize("piece", ["[", "a,", '"', "=[", "a-", "1:", "/a", "Mon ", "f:", "(a,", "'a ", "<A"])
def test_a_hostile_line_takes_no_long_time(piece: str) -> None:
    started = time.process_time()
    words(piece * (65536 // len(piece)))
    assert time.process_time() - started < 1
