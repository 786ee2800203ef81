"""The OpenAPI document is exact: whatever is sent, no answer comes that it does not declare."""

from __future__ import annotations

import pytest

from web.testing import Keys, fuzz, somebody

from .conftest import Running


@pytest.mark.timeout(120)
async def test_every_answer_is_declared(consent: Running, signing: Keys) -> None:
    url = str(consent.ask.http._base_url).rstrip("/")
    await fuzz(url, signing.header(somebody("crm", "staff", "dpo", "admin", "auditor")), examples=15)
