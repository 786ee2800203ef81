"""Purposes: what data is used for, and on which legal basis (Art. 5(1)(b), 6(1), 13(1)(c) GDPR). An administrator says so."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from events.catalogue.consents import LegalBasis, PurposeDefined
from events.catalogue.vocabulary import Actor, Event, Texts
from events.deciding import Decider, Refused, command, state


@command
class DefinePurpose:
    """Data is used for this from now on; what was said of it before is replaced."""

    purpose: str
    at: datetime
    by: Actor
    titles: Texts
    descriptions: Texts
    legal_basis: LegalBasis
    direct_marketing: bool = False


@state
class Purpose:
    """What a purpose is at present, ``None`` where it was never defined."""

    defined: PurposeDefined | None = None


def decide(purpose: Purpose, command: DefinePurpose) -> Iterable[Event]:
    """Say what happens."""
    missing = sorted(command.titles.keys() ^ command.descriptions.keys())
    if not command.titles or missing:
        raise Refused(
            "language-missing",
            f"Give the title and the description in the same languages; one of them lacks {', '.join(missing)}."
            if missing
            else "Give the title and the description in at least one language.",
        )
    defined = PurposeDefined(
        at=command.at,
        by=command.by,
        purpose=command.purpose,
        titles=command.titles,
        descriptions=command.descriptions,
        legal_basis=command.legal_basis,
        direct_marketing=command.direct_marketing,
    )
    if purpose.defined is None or purpose.defined.model_copy(update={"at": defined.at, "by": defined.by}) != defined:
        yield defined


def evolve(purpose: Purpose, event: Event) -> Purpose:
    """Give what holds once this has happened."""
    match event:
        case PurposeDefined():
            return Purpose(defined=event)
        case _:
            return purpose


PURPOSES: Decider[DefinePurpose, Purpose] = Decider(
    name="purposes",
    initial=Purpose(),
    decide=decide,
    evolve=evolve,
    stream=lambda command: f"purposes-{command.purpose}",
    subject=lambda command: None,
)
