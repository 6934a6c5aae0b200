from __future__ import annotations

import random
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.redaction_corpus import fill
from fusionlog.utils.redaction import _both, redact


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("login password=hunter2 user=bob", "login password=<SECRET> user=bob"),
        ("db.password = 'x y' ok", "db.password = <SECRET> ok"),
        ('{"token": "abc", "n": 1}', '{"token": <SECRET>, "n": 1}'),
        ("secret: hunter", "secret: <SECRET>"),
        ("aws_secret_access_key=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "aws_secret_access_key=<SECRET>"),
        ("mysqldump --password hunter2 -u root", "mysqldump --password <SECRET> -u root"),
        ("curl -u bob:hunter2 http://h/", "curl -u <SECRET> http://h/"),
        ("app -u bob -p hunter2 -v", "app -u bob -p <SECRET> -v"),
        ("env PGPASSWORD=hunter2 psql", "env PGPASSWORD=<SECRET> psql"),
        (r"body={\"password\":\"hunter2\",\"n\":1}", r"body={\"password\":<SECRET>,\"n\":1}"),
        ("<password>hunter2</password>", "<password><SECRET></password>"),
        ("Authorization: Bearer abc.def", "Authorization: Bearer <TOKEN>"),
        ('{"Authorization": "Basic dXNlcjpw"}', '{"Authorization": "Basic <TOKEN>"}'),
        ("sent bearer abcdef123456 along", "sent bearer <TOKEN> along"),
        ("Cookie: sid=123; theme=dark", "Cookie: <SECRET>"),
        ("key AKIAABCDEFGHIJKLMNOP used", "key <TOKEN> used"),
        ("key ghp_0123456789abcdefghijABCDEFGHIJ012345 used", "key <TOKEN> used"),
        ("jwt eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abc-def", "jwt <TOKEN>"),
        ("opaque aB3dE5fG7hI9jK1lM3nO5pQ7rS9tU1vW end", "opaque <TOKEN> end"),
        ("digest 0123456789abcdef0123456789abcdef end", "digest <HEX> end"),
        ("-----BEGIN RSA PRIVATE KEY----- MIIabc -----END RSA PRIVATE KEY----- end", "<PRIVATE-KEY> end"),
        ("connect postgres://u:p@db/x", "connect postgres://<LOGIN>@db/x"),
        ("mail from ann.b+c@mail.example.com bounced", "mail from <EMAIL> bounced"),
        ("from 10.1.2.3:50010 to /10.1.2.4", "from <IP>:50010 to /<IP>"),
        ("from fe80::1 and 2001:db8:0:0:0:8a2e:370:7334", "from <IP> and <IP>"),
        ("from ::ffff:10.1.2.3 port 1", "from <IP> port 1"),
        ("card 4111 1111 1111 1111 declined", "card <CARD> declined"),
        ("card 5500-0000-0000-0004 declined", "card <CARD> declined"),
        ("born on 1 Feb 1980, phone +1 202 555 0143", "born on <DATE>, phone <PHONE>"),
        ("ｐａｓｓｗｏｒｄ＝ｈｕｎｔｅｒ２", "password=<SECRET>"),
        ("pass\u200bword=hunter2", "password=<SECRET>"),
    ],
)
def test_secrets_and_personal_data_become_placeholders(text: str, expected: str) -> None:
    assert redact(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "Failed password for root",
        "password: incorrect",
        "invalid token, got 3",
        "token expired",
        "authorization: failed for bob",
        "Basic authentication required",
        "dedicated bearer established",
        "at std::string Foo::Bar a::b 12:34:56",
        "version 1.2.3, build 1.2.3.4.5",
        "blk_-1608999687919862906 of size 67108864",
        "at 1700000000000 ms, order 4111111111111112",
        "instance a61d63f3-1dd8-4568-b35b-85a135667b6b resumed",
        "dfs.DataNode$DataXceiver: java.lang.ArrayIndexOutOfBoundsException",
        "bypass: 3, compass=north, passthrough=1, key=3",
        "root@host: No space left on device",
        "（全角）ｏｋ 完了",
        "key=join-console-consumer-66786 of partition 0",
    ],
)
def test_the_fact_that_a_line_states_is_kept(text: str) -> None:
    assert redact(text) == text


@pytest.mark.parametrize("form", ["pul-{hex:40}", "shippo_live_{hex:40}", "dp.pt.{an:43}", "rdme_{lo:70}"])
def test_a_token_without_a_rule_of_ours_is_found_by_the_detector(form: str) -> None:
    token = fill(form, random.Random(5))
    assert redact(f"used {token} now") == "used <TOKEN> now"


PIECES = st.sampled_from(
    ["password", "token", "=", ": ", "=>", " ", '"', "'", "hunter2", "<SECRET>", "bearer", "authorization", "%22",
     '\\"', "1.2.3.4", "::", "a@b.cc", "4111111111111111", "--", "://", "eyJ", "aB3", "cookie", ";", "incorrect",
     "<password>", "</password>", "name=", "key", "-p ", "mysql ", "dob ", "1980-01-02", "ssn ", "phone ",
     "+1 202 555 0143", "is ",
     "Mr. ", "Bob", "{", "[", "＝", "http://hooks.slack.com/services/", "0123456789abcdef" * 2, "sig=", "&", "street"]
)  # fmt: skip
TEXTS = st.lists(PIECES | st.text(max_size=8), max_size=12).map("".join)


@settings(deadline=None)
@given(TEXTS)
def test_redacting_twice_changes_nothing(text: str) -> None:
    once = _both(text)
    assert _both(once[1])[1] == once[1]
    assert _both(once[0])[0] == once[0]


@settings(deadline=None)
@given(st.text(st.characters(exclude_categories=())))
def test_any_text_is_redacted(text: str) -> None:
    redact(text)


@settings(deadline=None)
@given(st.from_regex(r"[a-z][a-z0-9]{7,30}", fullmatch=True).filter(lambda secret: any(c.isdigit() for c in secret)))
def test_no_secret_survives_its_key(secret: str) -> None:
    for form in (
        "password={}",
        "API_KEY: {}",
        '{{"client_secret": "{}"}}',
        r"{{\"client_secret\": \"{}\"}}",
        "Authorization: Bearer {}",
        "--token {}",
        "http://u:{}@h/",
        "<secret>{}</secret>",
    ):
        assert secret not in redact(form.format(secret))


@pytest.mark.parametrize(
    "piece",
    ["a", "1", "a:", "a-", "://", "a.b@", "password", "bearer ", "1.1.", "eyJ", "aA1", "4111 ", "--a-", "key=", "x=[",
     '\\"', "password=", "mysql ", "<a ", "&quot;", "A B ", "ssn ", "+1 ", "password is ", "http://hook/",
     "net use /user:a "],
)  # fmt: skip
def test_a_hostile_line_of_64_kb_takes_no_long_time(piece: str) -> None:
    started = time.process_time()
    redact(piece * (65536 // len(piece)))
    assert time.process_time() - started < 10
