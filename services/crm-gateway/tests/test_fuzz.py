"""The OpenAPI document of the door is exact: whatever is sent, no answer comes that it does not declare."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import pytest

from crm_gateway.settings import Settings
from web.testing import Keys, fuzz, somebody

from .conftest import Running


@pytest.mark.timeout(120)
async def test_every_answer_is_declared(
    settings_of: Callable[..., Settings],
    gateway_of: Callable[[Settings], AbstractAsyncContextManager[Running]],
    signing: Keys,
) -> None:
    async with gateway_of(settings_of()) as gateway:
        url = str(gateway.http._base_url).rstrip("/")
        await fuzz(url, signing.header(somebody("crm", "staff", "dpo", "admin", "auditor")))
