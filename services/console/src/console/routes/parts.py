"""Opening a person: the look is on record before anything is shown, and what cannot be reached is said.

The person is asked for first, so that no look is recorded at somebody who does not exist.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from uuid import UUID, uuid4

from console.answers import Fields, Held, Kind, Link, Mail, Person
from console.calling import Refusal, Unreachable, part
from console.desk import PANEL, Asked
from web.catalogues import N_
from web.problems import Problem


@dataclass(frozen=True, slots=True)
class Whole:
    """What is known of a person; a part that is ``None`` could not be reached."""

    person: Person
    held: Held | None
    links: list[Link] | None
    mails: list[Mail] | None
    fields: Fields | None
    kinds: list[Kind] | None


async def look(asked: Asked, subject: UUID) -> None:
    """Put on record that the member looks at this person. Raises ``Problem``: without the record nothing is shown."""
    where = "actionpad" if asked.request.match_info.get("view") == PANEL else "person-page"
    now = asked.desk.clock()
    if asked.visit.has_looked(subject, where, now):
        return
    try:
        await asked.desk.calls.post(
            asked.member, "subject-access", f"/v1/persons/{subject}/looks", None, {"where": where}, command=uuid4()
        )
    except (Unreachable, Refusal) as error:
        if isinstance(error, Refusal) and error.slug == "erased":
            return  # nothing is left to be looked at
        raise Problem(
            "look-not-recorded",
            N_(
                "That you look at this customer cannot be recorded at the moment, so their data is not shown. "
                "Try again shortly."
            ),
            status=503,
            headers={"Retry-After": "5"},
        ) from None
    asked.visit.looked[subject, where] = now


async def person(asked: Asked) -> Person:
    """Give the person whose page it is, with the look on record."""
    found = await asked.desk.calls.get(asked.member, "crm-gateway", f"/v1/persons/{asked.subject}", Person)
    await look(asked, asked.subject)
    return found


async def whole(asked: Asked) -> Whole:
    """Give everything about the person whose page it is, with the look on record."""
    found = await person(asked)
    calls, member, at = asked.desk.calls, asked.member, f"/v1/persons/{asked.subject}"
    held, links, mails, fields, kinds = await asyncio.gather(
        part(calls.get(member, "consent", f"{at}/consents", Held)),
        part(calls.get(member, "subject-access", f"{at}/links", list[Link])),
        part(calls.get(member, "notifier", f"{at}/mails", list[Mail])),
        part(calls.get(member, "crm-gateway", "/v1/fields", Fields)),
        part(calls.get(member, "consent", "/v1/kinds", list[Kind])),
    )
    return Whole(found, held, links, mails, fields, kinds)
