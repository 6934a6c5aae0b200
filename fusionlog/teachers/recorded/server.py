"""A recorded teacher behind the interface of OpenAI: chat completions, models, and counts of the calls so far.

`fail`, `garble` and `flip` are shares of calls, drawn by the seed for each call in this order: answered 429 with
`Retry-After`, answered by the first half of the text alone, answered with every unit's label turned round.
"""

from __future__ import annotations

import asyncio
import errno
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import msgspec
from aiohttp import web

from fusionlog.errors import SettingError
from fusionlog.teachers.recorded.chat import MODEL, Chat, NotUnderstoodError, RecordedTeacher, chat_of

RETRY_AFTER = 1
"""Seconds in the `Retry-After` of a call that was failed on purpose."""
MAX_BODY = 16 * 1024 * 1024
GRACE = 2.0
"""Seconds that calls under way have to finish when the server stops."""


@dataclass(frozen=True)
class InjectedFaults:
    """Faults to inject: the seconds that a call takes, and shares of calls, 0 to 1."""

    latency: float = 0.0
    fail: float = 0.0
    garble: float = 0.0
    flip: float = 0.0
    seed: int = 0


class ReplayServer:
    """The HTTP application of a recorded teacher."""

    def __init__(self, replay: RecordedTeacher, trouble: InjectedFaults) -> None:
        self._replay, self._trouble = replay, trouble
        self._random = random.Random(trouble.seed)

    def app(self) -> web.Application:
        """The aiohttp application with its routes."""
        app = web.Application(client_max_size=MAX_BODY)
        app.add_routes(
            [
                web.post("/v1/chat/completions", self._complete),
                web.get("/v1/models", self._models),
                web.get("/stats", self._stats),
            ]
        )
        return app

    async def _complete(self, request: web.Request) -> web.Response:
        stats, trouble = self._replay.stats, self._trouble
        stats.calls += 1
        number = stats.calls
        fail, garble, flip = (self._random.random() < share for share in (trouble.fail, trouble.garble, trouble.flip))
        body = await request.read()
        await asyncio.sleep(trouble.latency)
        if fail:
            stats.failed += 1
            return _error(429, "rate limited", "rate_limit_error", {"Retry-After": str(RETRY_AFTER)})
        try:
            chat = chat_of(body)
            content = self._replay.reply(chat, flip)
        except NotUnderstoodError as error:
            stats.refused += 1
            return _error(400, f"not understood: {error}", "invalid_request_error")
        stats.flipped += flip
        if garble:
            stats.garbled += 1
            content = content[: len(content) // 2]
        return _json(self._completion(number, chat, content))

    def _completion(self, number: int, chat: Chat, content: str) -> dict[str, Any]:
        prompt, completion = sum(len(message.text) for message in chat.messages) // 4, len(content) // 4
        self._replay.stats.prompt_tokens += prompt
        self._replay.stats.completion_tokens += completion
        return {
            "id": f"{MODEL}-{number}",
            "object": "chat.completion",
            "created": int(time.time()),
            "model": MODEL,
            "choices": [
                {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": content}},
            ],
            "usage": {
                "prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion,
            },
        }  # fmt: skip

    async def _models(self, _: web.Request) -> web.Response:
        return _json({"object": "list", "data": [{"id": MODEL, "object": "model", "owned_by": "recording"}]})

    async def _stats(self, _: web.Request) -> web.Response:
        return _json(self._replay.stats)


@asynccontextmanager
async def serving(replay: RecordedTeacher, trouble: InjectedFaults, host: str, port: int) -> AsyncIterator[str]:
    """Serve a recorded teacher; gives the base URL. Port 0 takes a free one.

    :raises SettingError: it cannot listen there.
    """
    runner = web.AppRunner(ReplayServer(replay, trouble).app(), access_log=None, shutdown_timeout=GRACE)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, host, port).start()
        except OSError as error:
            raise _unusable(host, port, error) from error
        name = f"[{host}]" if ":" in host else host
        yield f"http://{name}:{runner.addresses[0][1]}/v1"
    finally:
        await runner.cleanup()


def _unusable(host: str, port: int, error: OSError) -> SettingError:
    if error.errno == errno.EADDRINUSE:
        return SettingError("--port", port, f"another program listens there on {host}; 0 takes a free one")
    if error.errno == errno.EACCES:
        return SettingError("--port", port, "only root may listen there; take one above 1023, or 0 for a free one")
    return SettingError("--host", host, f"it cannot be listened on: {error.strerror or error}")


def _json(body: object, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    data = msgspec.json.encode(body)
    return web.Response(body=data, status=status, headers=headers, content_type="application/json")


def _error(status: int, message: str, kind: str, headers: dict[str, str] | None = None) -> web.Response:
    return _json({"error": {"message": message, "type": kind}}, status, headers)
