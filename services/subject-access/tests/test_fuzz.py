"""The OpenAPI document is exact: whatever is sent, no answer comes that it does not declare."""

from __future__ import annotations

import pytest

from web.testing import fuzz, somebody

from .conftest import Portal


@pytest.mark.slow
async def test_whatever_is_sent_is_answered_as_declared(portal: Portal) -> None:
    everybody = portal.signer.header(somebody("staff", "dpo", account="fay"))
    await fuzz(portal.address, everybody, examples=10)
