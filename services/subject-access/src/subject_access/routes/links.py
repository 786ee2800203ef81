"""Links to the portal over HTTP: issue, list, revoke. The secret of a link is in no answer: it goes out by mail alone."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Final
from uuid import UUID, uuid5

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from events.catalogue.persons import Email
from events.catalogue.vocabulary import ERASED, Slug
from events.deciding import Refused
from events.errors import Fenced
from subject_access import tokens
from subject_access.deciders.links import LINKS, IssueLink, RevokeLink
from subject_access.parts import Parts
from subject_access.projections.links import LinkRow, LinkState, links
from subject_access.projections.persons import PersonRow, persons
from web.api import Call, Routes
from web.problems import Problem

WHO_MAY_SEND = ("staff", "dpo")
WHO_MAY_LOOK = ("staff", "dpo", "admin", "auditor")
LINK_IDS: Final = UUID("0d2a6c3b-3f0d-5c8e-9f57-5f6a1c1f9b44")
"""A link's id follows from its person and the command's id, so that the same command again is about the same link."""


class OfPerson(BaseModel):
    """``/persons/{subject_id}``"""

    subject_id: UUID


class OfLink(BaseModel):
    """``/links/{link}``"""

    link: UUID


class NewLink(BaseModel):
    """A link to be sent."""

    model_config = ConfigDict(extra="forbid")

    to: Annotated[str, StringConstraints(min_length=3, max_length=320, pattern=r"^[^\x00]*$")] = Field(
        description="One of the person's own e-mail addresses, as the CRM has it."
    )
    reason: Slug = Field(
        examples=["asked-by-telephone"], description="Why it is sent. It stands in the log in the clear."
    )
    language: Annotated[str, StringConstraints(pattern=r"^[a-z]{2}$")] | None = Field(
        default=None, description="Of the mail and the first page; left out: the person's own, where we speak it."
    )
    hours: Annotated[int, Field(ge=1, le=8760)] | None = Field(
        default=None, description="How long the link stays open; left out: as the installation is set."
    )


class LinkShown(BaseModel):
    """A link, as staff see it. ``opened`` is the first visit, ``visits`` how many there were."""

    link: UUID
    subject_id: UUID
    state: LinkState
    issued: AwareDatetime
    expires: AwareDatetime
    by: str
    to: str | None = Field(description="Where it was sent; missing where the person has been erased.")
    language: str
    reason: str
    opened: AwareDatetime | None
    last_opened: AwareDatetime | None
    visits: int
    revoked: AwareDatetime | None


def routes(parts: Parts) -> Routes:
    """Give the routes."""
    made = Routes()
    service = parts.service

    @made.post(
        "/v1/persons/{subject_id}/links",
        params=OfPerson,
        body=NewLink,
        answer=LinkShown,
        status=201,
        roles=WHO_MAY_SEND,
        refusals=("unknown-address", "lifetime-out-of-bounds", "erased", "command-id-reused"),
        problems={404: ("unknown-person",)},
    )
    async def issue_link(call: Call[NewLink, None, OfPerson]) -> LinkShown:
        """Issue a link and have it mailed to the person.

        It works from the moment this is answered, until it expires or is revoked. Opening it uses nothing up.
        """
        said, subject, now = call.body, call.path.subject_id, parts.clock()
        person = await service.reader(persons).get(subject)
        if person is None:
            raise Problem("unknown-person", "There is no such person, or their data is still on its way.", status=404)
        if person.erased:
            raise Fenced("the person has been erased")
        link, token = uuid5(LINK_IDS, f"{subject}:{call.command_id}"), tokens.new_token()
        wanted = IssueLink(
            link=link,
            subject=subject,
            at=now,
            by=call.actor,
            token_hash=tokens.hashed(token),
            expires=now + timedelta(hours=said.hours or parts.settings.link_hours),
            language=parts.languages.find(said.language or _language_of(person)).code,
            reason=said.reason,
            to=_own_address(person, said.to),
            for_mail=parts.transport.seal(token, link),
            lifetimes=parts.settings.lifetimes,
        )
        await service.handler.handle(LINKS, wanted, command_id=call.command_id)
        return await shown(link)

    @made.get("/v1/persons/{subject_id}/links", params=OfPerson, answer=list[LinkShown], roles=WHO_MAY_LOOK)
    async def list_links(call: Call[None, None, OfPerson]) -> list[LinkShown]:
        """List the links of a person, newest first."""
        rows = await service.reader(links).select("WHERE t.subject = $1 ORDER BY t.issued DESC", call.path.subject_id)
        return [_shown(row, parts) for row in rows]

    @made.post(
        "/v1/links/{link}/revocation",
        params=OfLink,
        answer=LinkShown,
        roles=WHO_MAY_SEND,
        refusals=("command-id-reused",),
        problems={404: ("unknown-link",)},
    )
    async def revoke_link(call: Call[None, None, OfLink]) -> LinkShown:
        """Revoke a link: it opens nothing from here on, and whoever is behind it just now sees nothing more."""
        row = await service.reader(links).get(call.path.link)
        if row is None:
            raise unknown_link()
        wanted = RevokeLink(link=row.link, subject=row.subject, at=parts.clock(), by=call.actor)
        await service.handler.handle(LINKS, wanted, command_id=call.command_id)
        await parts.sessions.end_all(str(row.link))
        return await shown(row.link)

    async def shown(link: UUID) -> LinkShown:
        row = await service.reader(links).get(link)
        if row is None:
            raise unknown_link()
        return _shown(row, parts)

    return made


def unknown_link() -> Problem:
    """Give the problem of a link that nobody issued."""
    return Problem("unknown-link", "There is no such link. List the person's links.", status=404)


def _own_address(person: PersonRow, wanted: str) -> str:
    """Give the address as the CRM has it. Raises ``Refused``: a link goes to nobody but the person."""
    for one in person.held.get("emails") or ():  # type: ignore[union-attr]
        if isinstance(one, Email) and one.address.casefold() == wanted.strip().casefold():
            return one.address
    raise Refused("unknown-address", "This is none of the person's e-mail addresses. Have it changed in the CRM first.")


def _language_of(person: PersonRow) -> str | None:
    language = person.held.get("language")
    return language if isinstance(language, str) else None


def _shown(row: LinkRow, parts: Parts) -> LinkShown:
    return LinkShown(
        link=row.link,
        subject_id=row.subject,
        state=row.state(parts.clock()),
        issued=row.issued,
        expires=row.expires,
        by=row.issued_by,
        to=None if row.to is ERASED else row.to,
        language=row.language,
        reason=row.reason,
        opened=row.opened,
        last_opened=row.last_opened,
        visits=row.visits,
        revoked=row.revoked,
    )
