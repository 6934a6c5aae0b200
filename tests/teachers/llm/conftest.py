"""A misbehaving endpoint, and a teacher at it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from fusionlog.teachers.llm.teacher import LLMTeacher
from tests.teachers.factories import Clock, make_settings
from tests.teachers.fake_endpoint import FakeEndpoint, fake_endpoint


@pytest.fixture
def endpoint() -> Iterator[FakeEndpoint]:
    with fake_endpoint() as server:
        yield server


@asynccontextmanager
async def teacher_of(endpoint: FakeEndpoint, clock: Clock | None = None, **fields: Any) -> AsyncIterator[LLMTeacher]:
    """A teacher at an endpoint; it waits by the clock."""
    clock = clock or Clock()
    teacher = LLMTeacher(make_settings(endpoint.url, **fields), clock=clock, sleep=clock.sleep)
    try:
        yield teacher
    finally:
        await teacher.close()
