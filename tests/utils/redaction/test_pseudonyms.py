from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fusionlog.utils.redaction.pseudonyms import Pseudonyms, hidden
from tests.utils.redaction.test_redact import TEXTS


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Failed password for bsmith from 10.0.0.1 port 22", "Failed password for user-1 from host-1 port 22"),
        ("user=bsmith host=web-17", "user=user-1 host=host-1"),
        ("mail to ann@mail.acme.com bounced", "mail to user-1@host-1 bounced"),
        ("https://wiki.acme.local:8443/x refused", "https://host-1:8443/x refused"),
        ("open /home/bsmith/.netrc of bsmith", "open /home/user-1/.netrc of user-1"),
        ("10.0.0.1:50010 to 10.0.0.2:50010, 10.0.0.1 is away", "host-1:50010 to host-2:50010, host-1 is away"),
        ("Oct 11 22:14:15 web17 sshd[881]: closed", "Oct 11 22:14:15 host-1 sshd[881]: closed"),
        ('{"userName": "Bob Smith", "hostname": "web17"}', '{"userName": "user-1", "hostname": "host-1"}'),
    ],
)  # fmt: skip
def test_names_become_pseudonyms(text: str, expected: str) -> None:
    assert hidden(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "user=root from 127.0.0.1, localhost, ::1, mail.example.com",
        "at java.lang.String.valueOf(String.java:1), see config.json",
        "user not found, no route to host, server: nginx",
    ],
)
def test_what_names_nobody_stays(text: str) -> None:
    assert hidden(text) == text


def test_a_name_has_one_pseudonym_in_all_texts_and_is_mapped_back() -> None:
    texts = ["user=bsmith from db-7.acme.com", "quota of BSmith exceeded on db-7.acme.com"]
    names = Pseudonyms(texts)
    assert [names.hide(text) for text in texts] == ["user=user-1 from host-1", "quota of user-1 exceeded on host-1"]
    assert names.restore("user-1 filled host-1, host-2 did not") == "bsmith filled db-7.acme.com, host-2 did not"


def test_a_name_that_the_operator_wrote_or_that_is_a_pseudonym_of_another_stays_apart() -> None:
    texts = ["user=checkout host=web-17", "user=anna host=host-1"]
    names = Pseudonyms(texts, kept="checkout is a program")
    assert [names.hide(text) for text in texts] == ["user=checkout host=host-2", "user=user-1 host=host-3"]
    assert names.restore("host-2, host-3") == "web-17, host-1"


def test_names_of_header_fields_are_hidden() -> None:
    assert (
        Pseudonyms(["mail smtpd: lost"], [("host", "mail7"), ("host", "localhost")]).hide("mail7 smtpd")
        == "host-1 smtpd"
    )


@settings(deadline=None)
@given(st.lists(TEXTS | st.sampled_from(["user=bob ", "from host web-1 ", "1.2.3.4", "x@y.de"]), max_size=4))
def test_what_is_hidden_is_restored(texts: list[str]) -> None:
    names = Pseudonyms(texts)
    for text in texts:
        assert names.restore(names.hide(text)).lower() == text.lower()
