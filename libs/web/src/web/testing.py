"""For tests: keys that sign and verify, a clock that is set by hand, and applications on free ports."""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from aiohttp import web as http

from web.identity import ROLES, Identity, TokenSigner, TokenVerifier, new_signing_key
from web.serving import start


def somebody(*roles: str, account: str = "", name: str = "") -> Identity:
    """Give an identity with these roles."""
    unknown = set(roles) - ROLES
    if unknown:
        raise ValueError(f"there are no roles {sorted(unknown)}")
    account = account or "-".join(roles) or "nobody"
    return Identity(account=account, name=name or account.title(), roles=frozenset(roles))


@dataclass(slots=True)
class Clock:
    """A clock that stands still until it is set."""

    now: float = 1_795_500_000.0

    def __call__(self) -> float:
        return self.now


@dataclass(slots=True)
class Keys:
    """A signing key and what verifies it."""

    clock: Callable[[], float] = time.time
    private: dict[str, Any] = field(init=False)
    public: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        private, public = new_signing_key()
        self.private, self.public = json.loads(private), json.loads(public)

    @property
    def signer(self) -> TokenSigner:
        """Sign with the key."""
        return TokenSigner(self.private, clock=self.clock)

    @property
    def verifier(self) -> TokenVerifier:
        """Verify by the key."""
        return TokenVerifier(self.public, clock=self.clock)

    def header(self, identity: Identity) -> dict[str, str]:
        """Give the header that says who asks."""
        return {"Authorization": f"Bearer {self.signer.sign(identity)}"}


@asynccontextmanager
async def client_of(app: http.Application, **session: Any) -> AsyncIterator[aiohttp.ClientSession]:
    """Run an application on a free port, and give a client that speaks to it."""
    runner = await start(app, "127.0.0.1", 0, grace=1.0)
    try:
        jar = aiohttp.CookieJar(unsafe=True)  # which takes cookies from an address of numbers
        async with aiohttp.ClientSession(f"http://127.0.0.1:{runner.port}", cookie_jar=jar, **session) as client:
            yield client
    finally:
        await runner.cleanup()


async def fuzz(url: str, headers: Mapping[str, str], *, examples: int = 40, seed: int = 1, leave_out: str = "") -> None:
    """Send a service whatever schemathesis makes of its OpenAPI document; fail on a 5xx or an answer it does not declare.

    ``leave_out``: names of schemathesis checks that do not fit the service, with commas.
    """
    told = [f"--header={name}: {value}" for name, value in headers.items()]
    options = [
        f"--max-examples={examples}",
        f"--seed={seed}",
        "--checks=all",
        "--no-color",
        "--generation-database=none",
    ]
    if leave_out:
        options.append(f"--exclude-checks={leave_out}")
    with tempfile.TemporaryDirectory() as place:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "schemathesis.cli", "run", f"{url}/openapi.json", *told, *options),
            cwd=place,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        report, _ = await process.communicate()
    assert process.returncode == 0, report.decode(errors="replace")
