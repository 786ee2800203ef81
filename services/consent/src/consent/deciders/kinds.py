"""One kind of consent: what people are asked, in which words, and until when it is asked (Art. 7(1), 7(2) GDPR).

A wording that was published stays as it was for ever, since people agreed to it; another text is another version.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import TypeAlias

from events.catalogue.consents import Channel, KindDefined, KindRetired, WordingPublished
from events.catalogue.vocabulary import Actor, Event, Texts
from events.deciding import Decider, Refused, command, state


@command
class DefineKind:
    """This can be asked for from now on, on these terms. ``purpose_known``: whether the purpose was found."""

    kind: str
    at: datetime
    by: Actor
    purpose: str
    titles: Texts
    channels: tuple[Channel, ...]
    double_opt_in: bool = False
    validity_days: int | None = None
    purpose_known: bool


@command
class PublishWording:
    """From now on people agree to this text."""

    kind: str
    at: datetime
    by: Actor
    texts: Texts


@command
class RetireKind:
    """Nobody is asked any more."""

    kind: str
    at: datetime
    by: Actor


Command: TypeAlias = DefineKind | PublishWording | RetireKind


@state
class Kind:
    """What a kind is at present, ``defined=None`` where it never was."""

    defined: KindDefined | None = None
    version: int = 0
    texts: Texts | None = None
    retired: bool = False


def decide(kind: Kind, command: Command) -> Iterable[Event]:
    """Say what happens."""
    match command:
        case RetireKind() if kind.retired:
            return

        case _ if kind.retired:
            raise Refused("kind-retired", "This kind has been retired for good. Define another one under a new name.")

        case DefineKind():
            _check(command)
            defined = KindDefined(
                at=command.at,
                by=command.by,
                kind=command.kind,
                purpose=command.purpose,
                titles=command.titles,
                channels=command.channels,
                double_opt_in=command.double_opt_in,
                validity_days=command.validity_days,
            )
            if kind.defined is None or kind.defined.model_copy(update={"at": defined.at, "by": defined.by}) != defined:
                yield defined

        case _ if kind.defined is None:
            raise Refused("unknown-kind", f"There is no kind of consent {command.kind!r} yet. Define it first.")

        case PublishWording(texts=texts):
            lacking = sorted(kind.defined.titles.keys() - texts.keys())
            if lacking:
                raise Refused(
                    "language-missing", f"The kind has a title in {', '.join(lacking)}; give the wording in it as well."
                )
            if texts != kind.texts:
                yield WordingPublished(
                    at=command.at, by=command.by, kind=command.kind, version=kind.version + 1, texts=texts
                )

        case RetireKind():
            yield KindRetired(at=command.at, by=command.by, kind=command.kind)


def _check(command: DefineKind) -> None:
    if not command.purpose_known:
        raise Refused("unknown-purpose", f"There is no purpose {command.purpose!r} yet. Define it first.")
    if not command.titles:
        raise Refused("language-missing", "Give the title in at least one language.")
    if not command.channels:
        raise Refused("channel-missing", "Say which channels the consent is for, or `any`.")


def evolve(kind: Kind, event: Event) -> Kind:
    """Give what holds once this has happened."""
    match event:
        case KindDefined():
            return replace(kind, defined=event)
        case WordingPublished(version=version, texts=texts):
            return replace(kind, version=version, texts=texts)
        case KindRetired():
            return replace(kind, retired=True)
        case _:
            return kind


KINDS: Decider[Command, Kind] = Decider(
    name="kinds",
    initial=Kind(),
    decide=decide,
    evolve=evolve,
    stream=lambda command: f"kinds-{command.kind}",
    subject=lambda command: None,
)
