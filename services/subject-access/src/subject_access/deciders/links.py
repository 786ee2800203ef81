"""One link to the portal: issued for a limited time, opened as often as one likes, revoked at any moment (Art. 12(2), 15 GDPR).

Whoever holds the link proves the mailbox that it was sent to. So it opens nothing once its time is over or it is revoked, and
what the person chooses behind it counts only while it is open.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Literal, TypeAlias
from uuid import UUID

from events.catalogue.access import AccessLinkIssued, AccessLinkRevoked, ConsentChosen, PortalOpened
from events.catalogue.consents import WordingRef
from events.catalogue.vocabulary import THE_PERSON, Actor, Event
from events.deciding import Decider, Refused, command, state


@state
class Lifetimes:
    """How long a link may stay open, as the installation is set."""

    shortest: timedelta = timedelta(hours=1)
    longest: timedelta = timedelta(days=90)


@command
class IssueLink:
    """A link is made for a person. Its secret was drawn outside: here come its hash, and itself sealed for the notifier."""

    link: UUID
    subject: UUID
    at: datetime
    by: Actor
    token_hash: str
    expires: datetime
    language: str
    reason: str
    to: str | None
    for_mail: str | None
    lifetimes: Lifetimes = Lifetimes()


@command
class RevokeLink:
    """The link is to open nothing any more."""

    link: UUID
    subject: UUID
    at: datetime
    by: Actor


@command
class OpenPortal:
    """Somebody looks at the page behind the link. ``session`` is their visit."""

    link: UUID
    subject: UUID
    at: datetime
    session: UUID


@command
class ChooseConsent:
    """The person pressed give or withdraw. ``act`` is the form that was pressed, ``wording`` the text that it showed."""

    link: UUID
    subject: UUID
    at: datetime
    act: UUID
    kind: str
    choice: Literal["give", "withdraw"]
    wording: WordingRef | None


Command: TypeAlias = IssueLink | RevokeLink | OpenPortal | ChooseConsent


@state
class Link:
    """What became of the link so far."""

    expires: datetime | None = None
    revoked: bool = False
    visits: frozenset[UUID] = frozenset()
    acts: frozenset[UUID] = frozenset()

    @property
    def issued(self) -> bool:
        """Whether there is such a link."""
        return self.expires is not None

    def is_open(self, at: datetime) -> bool:
        """Tell whether the link opens the portal at this moment."""
        return self.expires is not None and not self.revoked and at < self.expires


def decide(link: Link, command: Command) -> Iterable[Event]:
    """Say what happens."""
    match command:
        case IssueLink() if link.issued:
            return

        case IssueLink():
            lifetime, bounds = command.expires - command.at, command.lifetimes
            if not bounds.shortest <= lifetime <= bounds.longest:
                raise Refused(
                    "lifetime-out-of-bounds",
                    f"A link stays open for {_hours(bounds.shortest)} to {_hours(bounds.longest)} hours.",
                )
            yield AccessLinkIssued(
                at=command.at,
                by=command.by,
                link=command.link,
                token_hash=command.token_hash,
                expires=command.expires,
                language=command.language,
                reason=command.reason,
                to=command.to,
                for_mail=command.for_mail,
            )

        case _ if not link.issued:
            raise Refused("unknown-link", "There is no such link. List the person's links.")

        case RevokeLink():
            if not link.revoked:
                yield AccessLinkRevoked(at=command.at, by=command.by, link=command.link)

        case OpenPortal(session=session):
            if session not in link.visits:
                _must_be_open(link, command.at)
                yield PortalOpened(at=command.at, by=THE_PERSON, link=command.link, session=session)

        case ChooseConsent(act=act):
            if act in link.acts:  # the same form pressed twice, also after the link's time
                return
            _must_be_open(link, command.at)
            if command.choice == "give" and command.wording is None:
                raise Refused("wording-missing", "Say which wording the person saw: its version and its language.")
            yield ConsentChosen(
                at=command.at,
                by=THE_PERSON,
                link=command.link,
                kind=command.kind,
                choice=command.choice,
                wording=command.wording,
                act=act,
            )


def _must_be_open(link: Link, at: datetime) -> None:
    if not link.is_open(at):
        slug = "link-revoked" if link.revoked else "link-expired"
        raise Refused(slug, "The link opens nothing any more. Ask for a new one.")


def _hours(time: timedelta) -> int:
    return int(time.total_seconds() // 3600)


def evolve(link: Link, event: Event) -> Link:
    """Give what holds once this has happened."""
    match event:
        case AccessLinkIssued(expires=expires):
            return replace(link, expires=expires)
        case AccessLinkRevoked():
            return replace(link, revoked=True)
        case PortalOpened(session=UUID() as session):
            return replace(link, visits=link.visits | {session})
        case ConsentChosen(act=UUID() as act):
            return replace(link, acts=link.acts | {act})
        case _:
            return link


LINKS: Decider[Command, Link] = Decider(
    name="links",
    initial=Link(),
    decide=decide,
    evolve=evolve,
    stream=lambda command: f"link-{command.link}",
    subject=lambda command: command.subject,
)
