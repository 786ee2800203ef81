"""What asks for a mail, and what makes one pointless: links to the portal, issued and revoked."""

from __future__ import annotations

from uuid import UUID, uuid5

from events.catalogue.access import AccessLinkIssued, AccessLinkRevoked
from events.catalogue.vocabulary import THE_SYSTEM
from events.envelope import AnyRecorded
from events.projecting import Reaction, reaction
from notifier.decider import MAILS, GiveUpMail, QueueMail

OF_LINKS = UUID("0f4f4f0a-5a54-5f6c-9d5a-6f4b8f0c1a63")


def mail_of(link: UUID) -> UUID:
    """Give the one mail that a link has, the same for ever."""
    return uuid5(OF_LINKS, str(link))


def link_issued(domain: str) -> Reaction:
    """Queue the mail with the link. ``domain`` is that of the sender: what Message-IDs end in."""

    @reaction(name="link_issued", to=(AccessLinkIssued,), decider=MAILS)
    def queue(e: AnyRecorded) -> QueueMail | None:
        issued: AccessLinkIssued = e.data
        # No address: the link was handed over otherwise. Erased: it is nobody's any more.
        if not isinstance(issued.to, str) or not issued.for_mail or e.subject is None:
            return None
        mail = mail_of(issued.link)
        return QueueMail(
            subject=e.subject,
            mail=mail,
            template="access-link",
            language=issued.language,
            to=issued.to,
            message_id=f"<{mail}@{domain}>",
            about=e.id,
            parameters={
                "link": str(issued.link),
                "for_mail": issued.for_mail,
                "expires": issued.expires.isoformat(),
            },
            not_after=issued.expires,
            at=e.recorded,
            by=THE_SYSTEM,
        )

    return queue


@reaction(name="link_revoked", to=(AccessLinkRevoked,), decider=MAILS)
def link_revoked(e: AnyRecorded) -> GiveUpMail | None:
    """A link that opens nothing is not sent; one that was sent already stays sent."""
    if e.subject is None:
        return None
    return GiveUpMail(
        subject=e.subject,
        mail=mail_of(e.data.link),
        attempt=None,
        code=None,
        reason="revoked",
        at=e.recorded,
        by=THE_SYSTEM,
    )
