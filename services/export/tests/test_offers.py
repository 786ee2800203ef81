"""What export offers today: what is served to operators, and nothing to anybody else."""

from __future__ import annotations

from collections.abc import Callable

from export.main import build
from export.settings import Settings
from web.testing import client_of


async def test_nothing_is_offered_that_does_not_work_yet(settings_of: Callable[..., Settings]) -> None:
    async with client_of(build(settings_of()).app) as client:
        async with client.get("/openapi.json") as answer:
            paths = set((await answer.json())["paths"])
        assert paths == {"/ops/projections", "/ops/projections/{name}/rebuild"}
        async with client.get("/ops/projections") as answer:
            assert answer.status == 401
