"""The HTTP client at servers that send too much, too slowly, or somewhere else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from fusionlog.teachers.llm.client import MAX_BODY_BYTES, Client, NoResponseError, Response
from tests.teachers.factories import make_settings

Handle = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def server(handle: Handle) -> AsyncIterator[str]:
    app = web.Application()
    app.add_routes([web.route("*", "/{path:.*}", handle)])
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def post(url: str, **fields: Any) -> Response:
    client = Client(make_settings(url, **fields))
    try:
        return await client.post({"messages": []})
    finally:
        await client.close()


async def fails(url: str, **fields: Any) -> NoResponseError:
    with pytest.raises(NoResponseError) as caught:
        await post(url, **fields)
    return caught.value


async def test_a_body_without_end_is_read_no_further() -> None:
    sent = 0

    async def endless(request: web.Request) -> web.StreamResponse:
        nonlocal sent
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b" " * 65536)
            sent += 65536

    async with server(endless) as url:
        assert "with more than 4194304 bytes" in str(await fails(url))
    assert sent < 4 * MAX_BODY_BYTES


async def test_a_body_that_never_ends_ends_with_the_timeout() -> None:
    async def stalls(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"{")
        await asyncio.Event().wait()
        return response

    async with server(stalls) as url:
        error = await fails(url, timeout=0.3)
    assert error.outcome == "timeout" and "within 0.3 s" in str(error)


@pytest.mark.parametrize(
    "target", ["http://localhost:1/v1", "https://127.0.0.1:1/v1", "//evil.example/", "", "http://["]
)
async def test_a_redirect_to_another_host_is_not_followed(target: str) -> None:
    async def elsewhere(request: web.Request) -> web.Response:
        return web.Response(status=307, headers={"Location": target} if target else {})

    async with server(elsewhere) as url:
        error = await fails(url)
    if target:
        assert error.outcome == "denied" and "a redirect" in str(error) and "FUSIONLOG_LABEL__URL" in str(error)


async def test_a_redirect_on_the_same_host_is_followed_once() -> None:
    seen: list[tuple[str, str, Any]] = []

    async def moved(request: web.Request) -> web.Response:
        seen.append((request.method, request.path, await request.json()))
        if request.path.endswith("/"):
            return web.Response(body=b"{}")
        return web.Response(status=308, headers={"Location": f"{request.path}/"})

    async with server(moved) as url:
        assert (await post(f"{url}/v1")).body == b"{}"
    assert [each[:2] for each in seen] == [("POST", "/v1/chat/completions"), ("POST", "/v1/chat/completions/")]
    assert seen[0][2] == seen[1][2] == {"model": "tiny", "messages": []}


async def test_a_circle_of_redirects_ends() -> None:
    async def circle(request: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": str(request.url)})

    async with server(circle) as url:
        assert "in a circle" in str(await fails(url))


@pytest.mark.parametrize(
    ("base", "asked"),
    [
        ("/v1", "/v1/chat/completions"),
        ("/v1/", "/v1/chat/completions"),
        ("", "/chat/completions"),
        ("/v1/chat/completions", "/v1/chat/completions"),
        (
            "/openai/deployments/d?api-version=2024-10-21",
            "/openai/deployments/d/chat/completions?api-version=2024-10-21",
        ),
    ],
)
async def test_the_path_of_a_url_is_completed_and_its_query_kept(base: str, asked: str) -> None:
    async def echo(request: web.Request) -> web.Response:
        return web.Response(text=request.path_qs)

    async with server(echo) as url:
        assert (await post(f"{url}{base}")).body.decode() == asked


async def test_the_login_of_a_url_is_sent_in_place_of_a_key() -> None:
    async def echo(request: web.Request) -> web.Response:
        return web.Response(text=request.headers.get("Authorization", ""))

    async with server(echo) as url:
        assert (await post(url.replace("//", "//me:hush@"))).body.startswith(b"Basic ")
        assert (await post(url, api_key="k")).body == b"Bearer k"


def test_azure_gets_its_key_in_its_own_header() -> None:
    client = Client(make_settings("https://shop.openai.azure.com/openai/v1", api_key="k"))
    assert client._client.default_headers["api-key"] == "k"


async def test_nobody_there_is_no_response() -> None:
    assert (await fails("http://127.0.0.1:9")).outcome == "unreachable"
