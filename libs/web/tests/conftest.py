"""Keys, clocks and running applications for the tests of the web library."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import aiohttp
import pytest
from aiohttp import web as http

from web.testing import Clock, Keys, client_of

Running = Callable[[http.Application], Awaitable[aiohttp.ClientSession]]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def keys(clock: Clock) -> Keys:
    return Keys(clock=clock)


@pytest.fixture
async def running() -> AsyncIterator[Running]:
    """Start applications on free ports; give a client that speaks to each."""
    async with AsyncExitStack() as stack:

        async def run(app: http.Application) -> aiohttp.ClientSession:
            return await stack.enter_async_context(client_of(app))

        yield run
