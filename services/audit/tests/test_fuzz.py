"""The OpenAPI document is exact, also over a log of which a part cannot be read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

from audit.settings import AuditSettings
from events.catalogue.consents import ConsentWithdrawn
from events.catalogue.vocabulary import THE_PERSON
from web.testing import Keys, fuzz, somebody

from .conftest import NOW, running


async def test_every_answer_is_declared(
    installation: Callable[..., AuditSettings], secrets: tuple[Path, Path, Keys]
) -> None:
    async with running(installation(follow_seconds=0.1), secrets[2]) as audit:
        await audit.record(ConsentWithdrawn(at=NOW, by=THE_PERSON, kind="newsletter", method="portal"), uuid4())
        await audit.put("gdpr.persons", str(uuid4()), b"{")
        header = audit.signer.header(somebody("auditor", "dpo", "admin"))
        # Which offsets, times and partitions go together no schema says.
        await fuzz(str(audit.http._base_url).rstrip("/"), header, examples=3, leave_out="positive_data_acceptance")
