"""The delivery to a real HTTP server: what is accepted, refused, and tried again."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fusionlog.errors import SettingError
from fusionlog.incidents.notifications.delivery import Answer, Delivery
from fusionlog.incidents.notifications.messages import Request
from tests.certificates import Authority
from tests.incidents.notifications.factories import HttpTarget, http_target, make_target


@pytest.fixture
def server() -> Iterator[HttpTarget]:
    with http_target() as found:
        yield found


async def post(url: str, **settings: Any) -> Answer:
    delivery = Delivery(make_target(url=url, **settings))
    try:
        return await delivery.post(Request(url, b'{"a": 1}', {"Content-Type": "application/json", "X-A": "b"}))
    finally:
        await delivery.close()


async def test_a_request_arrives_as_it_is(server: HttpTarget) -> None:
    assert await post(f"{server.url}/T0/hook?x=1") == Answer("delivered")
    (got,) = server.got
    assert (got.path, got.json, got.headers["X-A"]) == ("/T0/hook?x=1", {"a": 1}, "b")


async def test_a_login_in_the_url_is_sent_as_one(server: HttpTarget) -> None:
    await post(server.url.replace("//", "//me:pass@"))
    assert server.got[0].headers["Authorization"] == "Basic bWU6cGFzcw=="


@pytest.mark.parametrize(
    ("status", "outcome"),
    [(400, "refused"), (413, "refused"), (422, "refused"), (401, "failed"), (404, "failed"), (429, "failed"),
     (500, "failed"), (503, "failed")],
)  # fmt: skip
async def test_what_is_refused_is_told_from_what_may_be_over_later(
    server: HttpTarget, status: int, outcome: str
) -> None:
    server.answers = [(status, "no_\x00service password=hunter2", {})]
    found = await post(f"{server.url}/T0/token")
    assert (found.outcome, found.why) == (outcome, f"{server.url} answers {status}: no_service password=<SECRET>")


async def test_the_wait_that_a_target_asks_for_is_kept(server: HttpTarget) -> None:
    server.answers = [(429, "", {"Retry-After": "17"})]
    assert (await post(server.url)).asked == 17.0


async def test_a_redirect_is_not_followed(server: HttpTarget) -> None:
    server.answers = [(302, "", {"Location": f"{server.url}/elsewhere"})]
    found = await post(server.url)
    assert found.outcome == "failed" and "name its target as the URL" in found.why and len(server.got) == 1


async def test_a_long_answer_is_cut(server: HttpTarget) -> None:
    server.answers = [(500, "x y" * 10_000, {})]
    assert len((await post(server.url)).why) < 300


async def test_a_target_that_gives_no_answer_is_left_after_the_timeout(server: HttpTarget) -> None:
    server.held = threading.Event()
    found = await post(f"{server.url}/T0/token", timeout=0.2)
    server.held.set()
    assert (found.outcome, found.why) == ("failed", f"{server.url} gives no answer within 0.2 s")


async def test_a_target_that_is_away_is_named_without_its_token() -> None:
    found = await post("http://127.0.0.1:9/T0/token")
    assert found.outcome == "failed" and found.why.startswith("http://127.0.0.1:9 cannot be reached (")
    assert "refused" in found.why.lower()


async def test_a_file_that_holds_no_certificates_is_named(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("none")
    for name in ("ca.pem", "missing.pem"):
        with pytest.raises(SettingError, match=rf"oncall.ca_file is '.*{name}': cannot be used"):
            Delivery(make_target(ca_file=str(tmp_path / name)))


async def test_a_certificate_of_an_unknown_authority_is_a_sentence(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.issue("server"))
    with http_target(context) as server:
        url = server.url.replace("http:", "https:")
        found = await post(url)
        assert found.outcome == "failed" and "its certificate is not accepted" in found.why
        assert "set ca_file" in found.why
        assert await post(url, ca_file=str(authority.file)) == Answer("delivered")
