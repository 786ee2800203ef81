"""Which processes make up the stack, in what order, and how each is known to be ready."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable

import aiohttp

from stack import demo_fields
from stack.broker import broker_program, broker_waits_for
from stack.databases import ensure_databases
from stack.home import ChildState
from stack.kafka import Node
from stack.mailbox import mailserver_program
from stack.processes import Program
from stack.services import DATABASES, KAFKA, KAFKA_CONTROLLER, MAILBOX, SERVICES, SMTP, Installation, Service
from stack.supervisor import Child

WaitsFor = Callable[[], Awaitable[str | None]]


def node(installation: Installation) -> Node:
    """Apache Kafka's node of this installation."""
    return Node(installation.home.directory / "kafka", installation.port(KAFKA), installation.port(KAFKA_CONTROLLER))


def children(installation: Installation, http: aiohttp.ClientSession) -> list[Child]:
    """Every process to keep alive, without the services that are not there."""
    return [
        _postgres(installation),
        _broker(installation),
        _mailbox(installation, http),
        *(_service(service, installation, http) for service in installation.services),
    ]


def absent(installation: Installation) -> list[ChildState]:
    """Services of the table that are not started, and why."""
    return [
        ChildState(
            service.name,
            state="absent",
            note="left out by --only" if service.is_there else f"`python -m {service.module}` does not exist",
        )
        for service in SERVICES
        if service not in installation.services
    ]


def _postgres(installation: Installation) -> Child:
    cluster = installation.cluster

    def program() -> Program:
        cluster.prepare()
        return cluster.program(installation.mark)

    async def databases() -> None:
        await ensure_databases(cluster.url(), DATABASES, installation.secrets.database_passwords())

    return Child("postgres", program, cluster.waits_for, once_ready=databases, url=f"127.0.0.1:{cluster.port}")


def _broker(installation: Installation) -> Child:
    kafka = node(installation)

    def program() -> Program:
        if installation.broker == "embedded":
            return broker_program(installation.port(KAFKA), installation.mark)
        kafka.prepare()
        return kafka.program(installation.mark)

    async def waits_for() -> str | None:
        return await broker_waits_for(installation.bootstrap)

    return Child("broker", program, waits_for, url=installation.bootstrap, stop_limit=20.0)


def _mailbox(installation: Installation, http: aiohttp.ClientSession) -> Child:
    def program() -> Program:
        return mailserver_program(
            installation.port(SMTP),
            installation.port(MAILBOX),
            installation.home.directory / "mail" / "mails.sqlite",
            installation.mark,
        )

    url = installation.url(MAILBOX)
    return Child("mailbox", program, _says_ready(http, url), url=url)


def _service(service: Service, installation: Installation, http: aiohttp.ClientSession) -> Child:
    there = {other.name for other in installation.services} | {"postgres", "broker", "mailbox"}

    def program() -> Program:
        environment = installation.environment(service)
        return Program([sys.executable, "-m", service.module], environment)

    url = installation.url(service)
    after = tuple(name for name in service.after if name in there)
    ready = _says_ready(http, url)
    if service.name == "demo-crm" and "crm-gateway" in there:
        ready = _both(ready, lambda: demo_fields.describe(installation, http))
    return Child(service.name, program, ready, after=after, url=url)


def _both(first: WaitsFor, then: WaitsFor) -> WaitsFor:
    async def waits_for() -> str | None:
        return await first() or await then()

    return waits_for


def _says_ready(http: aiohttp.ClientSession, url: str) -> WaitsFor:
    """Asks `/readyz`: nothing if all is well, else what the service itself says it waits for."""

    async def waits_for() -> str | None:
        try:
            async with http.get(f"{url}/readyz", timeout=aiohttp.ClientTimeout(total=3)) as answer:
                if answer.status == 200:
                    return None
                content = await answer.json(content_type=None)
        except (TimeoutError, aiohttp.ClientError, ValueError) as error:
            return f"no answer yet ({type(error).__name__})"
        waiting = content.get("waits_for") or content.get("detail") if isinstance(content, dict) else content
        return f"waits for {', '.join(waiting) if isinstance(waiting, list) else waiting}"

    return waits_for
