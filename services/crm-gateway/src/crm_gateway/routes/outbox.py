"""The way back to the CRM: the feed it can read, and the queue of its webhook."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, Field

from crm_gateway.outbox import Outbox, states
from crm_gateway.webhooks import Webhook
from events.catalogue.crm import ConsentState
from web.api import Call, Routes
from web.problems import Problem

LONGEST_WAIT = 30.0


class After(BaseModel):
    """From where to read."""

    after: int = Field(default=0, ge=0, le=2**62, description="The `next` of the answer before; 0 is the beginning.")
    limit: int = Field(default=100, ge=1, le=1000)
    wait: float = Field(
        default=0.0, ge=0, le=LONGEST_WAIT, description="Where there is nothing new, wait for it so many seconds."
    )


class Feed(BaseModel):
    """What the CRM is told, in order."""

    messages: list[ConsentState]
    next: int = Field(description="Ask for what comes `after` this.")


class Which(BaseModel):
    """Which message."""

    message: UUID


class InQueue(BaseModel):
    """Which posts to show."""

    state: Literal["open", "waiting", "dead", "delivered"] = Field(
        default="open", description="`open`: those that wait and those that are dead."
    )
    limit: int = Field(default=100, ge=1, le=1000)


class Post(BaseModel):
    """One post to the CRM's webhook."""

    message: UUID
    sequence: int
    subject_id: UUID
    state: Literal["waiting", "delivered", "dead"]
    tries: int
    next_try: datetime
    last_try: datetime | None
    last_fault: str | None = Field(description="What went wrong the last time: a status, or the kind of failure.")


class HowMany(BaseModel):
    """How many to show."""

    limit: int = Field(default=100, ge=1, le=1000)


class RefusedByCrm(BaseModel):
    """One message that the CRM does not take over: there and here differ until somebody sees to it."""

    message: UUID
    subject_id: UUID
    about: UUID = Field(description="The event that the CRM was told of.")
    what: str
    informed: datetime
    refused: datetime


def routes(outbox: Outbox, webhook: Webhook) -> Routes:
    """Give the routes."""
    made = Routes()

    @made.get("/v1/crm/outbox", query=After, answer=Feed, roles=("crm", "admin"))
    async def feed(call: Call[None, After]) -> Feed:
        """Give the CRM what changed here, in order.

        Ask again with `after` set to the `next` of this answer. Nothing is skipped, and nothing is taken out by reading: the CRM
        says that it took a message over by `crm.delivery.confirmed` or `crm.delivery.refused` at any door.
        """
        asked = call.query
        told = await outbox.after(asked.after, asked.limit, wait=asked.wait)
        return Feed(messages=states(told), next=told[-1].sequence if told else asked.after)

    @made.get("/v1/crm/webhooks", query=InQueue, answer=list[Post], roles=("crm", "admin", "dpo"))
    async def queue(call: Call[None, InQueue]) -> list[Post]:
        """Give the posts to the CRM's webhook: those that wait or are dead oldest first, those that arrived newest first."""
        asked = call.query
        wanted: list[str] = ["waiting", "dead"] if asked.state == "open" else [asked.state]
        return [
            Post(
                message=one.message,
                sequence=one.sequence,
                subject_id=one.subject,
                state=one.state,
                tries=one.tries,
                next_try=one.next_try,
                last_try=one.last_try,
                last_fault=one.last_fault,
            )
            for one in await webhook.queue(wanted, asked.limit)
        ]

    @made.get("/v1/crm/refusals", query=HowMany, answer=list[RefusedByCrm], roles=("crm", "admin", "dpo"))
    async def refusals(call: Call[None, HowMany]) -> list[RefusedByCrm]:
        """Give what the CRM refused by `crm.delivery.refused`, the newest first. Its reason stands in the person's history."""
        return [
            RefusedByCrm(
                message=one.message,
                subject_id=one.subject,
                about=one.about,
                what=one.what,
                informed=one.informed,
                refused=one.answered or one.informed,
            )
            for one in await outbox.refusals(call.query.limit)
        ]

    @made.post(
        "/v1/crm/webhooks/{message}/retries",
        params=Which,
        roles=("crm", "admin"),
        command=False,
        problems={404: ("unknown-post",)},
    )
    async def retry(call: Call[None, None, Which]) -> None:
        """Post a message again, now, and as patiently as the first time."""
        if not await webhook.retry(call.path.message):
            raise Problem("unknown-post", "No post of this message waits or is dead.", status=404)

    return made
