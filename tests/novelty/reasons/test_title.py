from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fusionlog.novelty.reasons.title import cut, title_of
from fusionlog.records import TITLE_CHARS, Evidence
from tests.novelty.reasons.factories import make_absent, make_evidence

LONG = "nova.compute.manager [instance: <ID>] " + "while waiting for the port of the instance " * 4 + "it timed out"
VALUE = "its duration 3.9 s, usually below 0.1 s"


@pytest.mark.parametrize(
    ("evidence", "title"),
    [
        (make_absent(), "missing: payment accepted (in 99 % of 1,424 windows like it)"),
        (make_absent(share=0.9996, windows=2500), "missing: payment accepted (in 99.9 % of 2,500 windows like it)"),
        (make_evidence("disk failed", share=0.0, windows=99), "disk failed (never before)"),
        (make_evidence("disk failed", share=0.004, windows=500), "disk failed (in 0.4 % of 500 windows)"),
        (make_evidence("mail sent", atypical=True, count=12, typical=1), "mail sent: 12 lines, usually 1"),
        (make_evidence("mail sent", atypical=True, count=1, typical=3), "mail sent: 1 line, usually 3"),
        (make_evidence("mail sent", value=VALUE), f"mail sent: {VALUE}"),
        (make_evidence("payment refused", probability=0.9, count=3), "payment refused (3 lines)"),
        (
            make_evidence("mail sent", value="its due\nsize 9, usually above 80"),
            "mail sent: its due size 9, usually above 80",
        ),
        (make_evidence("- - <NUM> web[<NUM>] disk failed", probability=0.9), "web disk failed"),
        (make_evidence("<*>", probability=0.9), "<*>"),
        (make_evidence("订单 <NUM> 失败", probability=0.9), "订单 <NUM> 失败"),
        (make_evidence("payment\r\n\trefused\x1b[0m", probability=0.9), "payment refused [0m"),
    ],
)
def test_the_title_names_the_telling_event_and_what_is_unusual_of_it(evidence: Evidence, title: str) -> None:
    assert title_of([make_evidence("order opened", share=0.99), evidence]) == title


def test_a_missing_step_stands_in_the_title_before_the_innocent_lines() -> None:
    innocent = make_evidence("order opened", probability=0.8, share=0.99)
    assert title_of([innocent, make_absent()]).startswith("missing: payment accepted")


def test_a_long_text_keeps_its_beginning_and_its_end() -> None:
    title = title_of([make_absent(LONG)])
    assert (
        len(title) <= TITLE_CHARS
        and title.startswith("missing: nova")
        and title.endswith("timed out (in 99 % of 1,424)")
    )


def test_how_rare_an_event_is_gives_way_to_its_text() -> None:
    text = "closing the connection to the broker: it unexpectedly reset the TCP one"
    assert title_of([make_evidence(text, share=0.01, windows=2_000)]) == text


def test_an_anomaly_without_evidence_has_a_title() -> None:
    assert title_of([], "it deviates\nfrom the profile") == "it deviates from the profile" and title_of([])


@given(
    st.text(max_size=300), st.booleans(), st.integers(0, 2**31 - 1), st.none() | st.integers(1, 2**31 - 1),
    st.none() | st.floats(0, 1), st.text(max_size=100), st.booleans(),
)  # fmt: skip
def test_a_title_is_one_line_of_few_characters(
    text: str, absent: bool, count: int, typical: int | None, share: float | None, value: str, atypical: bool
) -> None:
    each = make_evidence(
        text, absent=absent, count=count, typical=typical, share=share, value=value, atypical=atypical, windows=count
    )
    title = title_of([each], text)
    assert len(title) <= TITLE_CHARS and "\n" not in title and len(cut(text, 10)) <= 10
