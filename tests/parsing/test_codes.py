import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fusionlog.parsing import code_contexts, code_words, codes
from fusionlog.parsing.code_contexts import across, kinds_opened
from fusionlog.parsing.codes import Candidate, in_token, is_code_name
from fusionlog.parsing.masks import Masks
from fusionlog.parsing.regex_invariance import DIGITS, is_invariant
from fusionlog.parsing.templates import CONSTANT


def kept(line: str) -> list[str]:
    return [token[1:] for token in Masks({}).mask_content(line).split() if token.startswith(CONSTANT)]


@pytest.mark.parametrize(
    ("line", "codes"),
    [
        ('"POST /checkout HTTP/1.1" 502 328 "-" "curl/8.4"', ["502"]),
        ('"-" 400 0', ["400"]),
        ('GET /v2/x HTTP/1.1" status: 200 len: 1893 time: 0.2477829', ["200"]),
        ("GET /cart 503 3.2 ms - 17", ["503"]),
        ("shop/s1 0/0/1/2/3 200 612 - - ---- 1/1/0/0/0 0/0", ["200"]),
        ("[GIN] 2020/01/02 - 10:11:12 | 404 | 1.2ms | 10.0.0.1 |", ["404"]),
        ("TCP_MISS/200 1234 GET http://x/ - HIER", ["TCP_MISS/200"]),
        ("upstream said 502 Bad Gateway", ["502"]),
        ("HTTP/2 503 from 10.0.0.1:443", ["503"]),
        ("Completed 500 Internal Server Error in 12ms", ["500"]),
        ("job 19 finished, exit code 137", ["137"]),
        ("exit-code: -1 exitCode=3 exit_status=2", ["-1", "exitCode=3", "exit_status=2"]),
        ("Main process exited, code=exited, status=1/FAILURE", ["status=1/FAILURE"]),
        ("Exited (137) 3 minutes ago", ["(137)"]),
        ("process exited with code 0xC0000005", ["0xC0000005"]),
        ("the command returned 3.", ["3."]),
        ("backup returned 1 after 3 s", ["1"]),
        ("rc=1, ret=-22", ["rc=1,", "ret=-22"]),
        ("open() failed (13: Permission denied), client: 10.0.0.1", ["(13:"]),
        ("[Errno 111] Connection refused", ["111]"]),
        ("errno=13 errno 13 (os error 2)", ["errno=13", "13", "2)"]),
        ("connect ECONNREFUSED 10.0.0.1:80", ["ECONNREFUSED"]),
        ("killed by signal 9, got SIGTERM", ["9,", "SIGTERM"]),
        ("SQLSTATE 23505 SQLSTATE[42P01]: sqlstate=08006", ["23505", "SQLSTATE[42P01]:", "sqlstate=08006"]),
        ("ERROR 1064 (42000): You have an error", ["1064", "(42000):"]),
        ("ERROR:  42P01: relation does not exist", ["42P01:"]),
        ("ORA-00942: table or view does not exist", ["ORA-00942:"]),
        ("dsn=4.4.1, status=deferred (host said: 450 4.2.0 try again)", ["dsn=4.4.1,", "450", "4.2.0"]),
        ("RCPT from x[10.0.0.1]: 550 5.1.1 <a@b.c>: Recipient", ["550", "5.1.1"]),
        ('{"level": "info", "status": 502, "bytes": 12345}', ["502,"]),
        ('{"level":"info","user":"ann","status_code":502,"bytes":12345}', ['"status_code":502']),
        (r"{\"status\":502}", [r"{\"status\":502}"]),
        ("level=info status=502 bytes=12345 user=ann", ["status=502"]),
        ("http.response.status_code=404 'status' => 500", ["http.response.status_code=404", "500"]),
        ("rpc error: code = Unavailable desc = x", ["Unavailable"]),
        ("websocket closed, close code 1006", ["1006"]),
        ("状态码：502 退出码: 137", ["状态码：502", "137"]),
    ],
)
def test_a_code_is_kept_with_its_key(line: str, codes: list[str]) -> None:
    assert kept(line) == codes


@pytest.mark.parametrize(
    "line",
    [
        "backup finished with 412 errors",
        "zip code 12345, country code 49, postal_code=1010, promo code 2024",
        "verification code 482134 sent, code 12345",
        "status: 45% status=3.5s status 12 of 40",
        "status: 1764240000 status=17642",
        "query returned 3 rows, received 500 bytes, sent 200 messages",
        "exit 3 times, completed 500 requests",
        "src=1 crc=12 stderr=5 secret=123 unicode=233 opcode=7",
        "pid=12 port=8080 line 404 size=502 id: 200 took 500 ms",
        "signal strength 60, signal 77, signal=-67",
        '"GET / HTTP/1.1" 999 17',
        "listening on 0.0.0.0:502",
        "error: 5 files failed, errors=17",
        "version 2.0.0 of 2.0.0, P-16 at 10:11:12",
        "GET /x?status=502&code=7 HTTP/1.1",
    ],
)
def test_what_only_looks_like_a_code_is_masked(line: str) -> None:
    assert kept(line) == []


@given(st.integers(1_000, 10**12), st.sampled_from(["status={}", "exit code {}", "code: {}", "returned {}", "rc={}"]))
def test_numbers_that_grow_are_no_codes(number: int, form: str) -> None:
    line = form.format(number)
    assert kept(line) == [] or 1_000 <= number <= 1_015 or number // 10_000 == 322122


def places(tokens: list[str]) -> list[tuple[int, tuple[int, ...]]]:
    found = [(at, each) for at, token in enumerate(tokens) for each in in_token(token)]
    for at, token in enumerate(tokens):
        found += across(tokens, at, kinds_opened(token))
    return sorted({(at, place[:4]) for at, place in found})


PIECES = [
    *(
        "status",
        "code",
        "exit",
        "error",
        "signal",
        "returned",
        'HTTP/1.1"',
        "GET",
        "/x",
        "said:",
        "|",
        "OK",
        "Not Found",
    ),
    *("=", ":", " ", " ", " ", "(", ")", ",", '"', "-", "/", ".", "%", "rc", "errno", "SQLSTATE", "USR1", "SIGUSR1"),
    *("5", "17", "404", "9999", "12345", "2.0.0", "1/2/3/4/5", "a1", "0", "ORA-942", "TCP_A/404", "rows", "from"),
]


@given(st.lists(st.sampled_from(PIECES), max_size=10).map("".join), st.randoms())
def test_which_places_may_have_a_code_depends_on_no_digit(text: str, random: object) -> None:
    other = re.sub("[0-9]", lambda found: str(random.randrange(10)), text)  # type: ignore[attr-defined]
    if "0x" not in (text + other).lower():
        assert places(text.split()) == places(other.split())


def test_the_expressions_distinguish_no_digits() -> None:
    modules = (codes, code_contexts, code_words)
    patterns = [each for module in modules for each in vars(module).values() if isinstance(each, re.Pattern)]
    assert len(patterns) > 20
    for each in patterns:
        assert is_invariant(each.pattern.replace("0[xX]", "").replace("\\x00-\\x7f", ""), DIGITS) or (
            not re.search(r"(?<![{,0-9])[0-9](?![0-9]*[,}])", each.pattern.replace("[0-9", "").replace("0[xX]", ""))
        )


@pytest.mark.parametrize("token", ["status=" * 80_000, "=" * 500_000, "a." * 250_000, "code" * 100_000, "(" * 500_000])
def test_finding_codes_takes_linear_time(token: str) -> None:
    assert not [each for each in in_token(token) if each.accepted]
    assert across([token, "5"], 0, kinds_opened(token)) is not None


@pytest.mark.parametrize(
    "name", ["status", "Status", "exitCode", "http.response.status_code", "sql_state_code", "errno"]
)
def test_fields_of_codes_are_known_by_name(name: str) -> None:
    assert is_code_name(name)


@pytest.mark.parametrize("name", ["id", "pid", "order_code", "time", "level", "zip", "port", "error_count"])
def test_other_fields_are_none(name: str) -> None:
    assert not is_code_name(name)


def test_a_candidate_has_its_core_around_its_code() -> None:
    assert in_token("(exit_code=137),") == (Candidate(1, 14, 11, 14, True),)
