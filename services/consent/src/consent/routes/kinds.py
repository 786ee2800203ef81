"""What can be consented to, over HTTP: everybody inside may look, an administrator may say."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from consent.deciders.kinds import KINDS, DefineKind, PublishWording, RetireKind
from consent.deciders.purposes import PURPOSES, DefinePurpose
from consent.offer import OfferedKind
from consent.projections.purposes import PurposeRow
from consent.routes.parts import OfKind, OfPurpose, Parts
from events.catalogue.consents import Channel, LegalBasis
from events.catalogue.vocabulary import Slug, Texts
from events.deciding import AnyDecider
from web.api import Call, Routes

WHO_MAY_LOOK = ("staff", "dpo", "admin", "auditor", "crm")

LanguageCode = Annotated[str, StringConstraints(pattern=r"^[a-z]{2}$")]
Title = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00]*$")]
Text = Annotated[str, StringConstraints(min_length=1, max_length=4000, pattern=r"^[^\x00]*$")]
NOTHING_ELSE = Field(json_schema_extra={"additionalProperties": False})
"""Says in the document as well that a key is a language; of itself it would say only what such a key holds."""
Titles = Annotated[dict[LanguageCode, Title], NOTHING_ELSE]
LongTexts = Annotated[dict[LanguageCode, Text], NOTHING_ELSE]


class NewPurpose(BaseModel):
    """What data is used for, in each language."""

    model_config = ConfigDict(extra="forbid")

    titles: Titles
    descriptions: LongTexts
    legal_basis: LegalBasis
    direct_marketing: bool = Field(default=False, description="Whether an objection (Art. 21(2)) ends it.")


class NewKind(BaseModel):
    """The terms of a kind of consent."""

    model_config = ConfigDict(extra="forbid")

    purpose: Slug
    titles: Titles
    channels: Annotated[list[Channel], Field(max_length=5)]
    double_opt_in: bool = False
    validity_days: Annotated[int, Field(ge=1, le=36_500)] | None = None


class NewWording(BaseModel):
    """The text that people agree to from now on, in each language."""

    model_config = ConfigDict(extra="forbid")

    texts: LongTexts


class Purpose(BaseModel):
    """A purpose."""

    purpose: Slug
    titles: Texts
    descriptions: Texts
    legal_basis: LegalBasis
    direct_marketing: bool
    since: AwareDatetime


class Wording(BaseModel):
    """One version of a wording."""

    version: int
    texts: Texts
    published: AwareDatetime


class Kind(BaseModel):
    """A kind of consent with its wordings, newest last."""

    kind: Slug
    titles: Texts
    purpose: Purpose | None
    channels: list[Channel]
    double_opt_in: bool
    validity_days: int | None
    since: AwareDatetime
    retired: AwareDatetime | None
    wordings: list[Wording]


class Changed(BaseModel):
    """What became of it. Without an ``event`` it was so already. ``version`` counts the changes of this kind or purpose."""

    event: UUID | None
    version: int
    wording: int | None = Field(default=None, description="The number of the wording that was published.")


def kinds(parts: Parts) -> Routes:
    """Declare the routes."""
    routes = Routes()
    offer = parts.offer

    async def carry_out(call: Call[Any, Any, Any], decider: AnyDecider, command: object) -> Changed:
        answer = await parts.service.handler.handle(decider, command, command_id=call.command_id)
        await offer.refresh()
        event = answer.events[0] if answer.events else None
        wording = getattr(event.data, "version", None) if event else None
        return Changed(event=event.id if event else None, version=answer.version, wording=wording)

    @routes.get("/v1/purposes", answer=list[Purpose], roles=WHO_MAY_LOOK)
    async def list_purposes(_call: Call) -> list[Purpose]:
        """List what data is used for."""
        return [_purpose(row) for row in offer.purposes.values()]

    @routes.get("/v1/kinds", answer=list[Kind], roles=WHO_MAY_LOOK)
    async def list_kinds(_call: Call) -> list[Kind]:
        """List the kinds of consent with all their wordings, retired ones too."""
        return [_kind(offered) for offered in offer.kinds.values()]

    @routes.put(
        "/v1/purposes/{purpose}",
        params=OfPurpose,
        body=NewPurpose,
        answer=Changed,
        roles=("admin",),
        refusals=("language-missing", "command-id-reused"),
    )
    async def define_purpose(call: Call[NewPurpose, None, OfPurpose]) -> Changed:
        """Define a purpose, or define it anew."""
        said = call.body
        command = DefinePurpose(
            purpose=call.path.purpose,
            at=parts.clock(),
            by=call.actor,
            titles=said.titles,
            descriptions=said.descriptions,
            legal_basis=said.legal_basis,
            direct_marketing=said.direct_marketing,
        )
        return await carry_out(call, PURPOSES, command)

    @routes.put(
        "/v1/kinds/{kind}",
        params=OfKind,
        body=NewKind,
        answer=Changed,
        roles=("admin",),
        refusals=("unknown-purpose", "kind-retired", "language-missing", "channel-missing", "command-id-reused"),
    )
    async def define_kind(call: Call[NewKind, None, OfKind]) -> Changed:
        """Define a kind of consent, or its terms anew. Consents that were given stay as they were."""
        said = call.body
        if said.purpose not in offer.purposes:
            await offer.refresh()
        command = DefineKind(
            kind=call.path.kind,
            at=parts.clock(),
            by=call.actor,
            purpose=said.purpose,
            titles=said.titles,
            channels=tuple(said.channels),
            double_opt_in=said.double_opt_in,
            validity_days=said.validity_days,
            purpose_known=said.purpose in offer.purposes,
        )
        return await carry_out(call, KINDS, command)

    @routes.post(
        "/v1/kinds/{kind}/wordings",
        params=OfKind,
        body=NewWording,
        answer=Changed,
        roles=("admin",),
        refusals=("unknown-kind", "kind-retired", "language-missing", "command-id-reused"),
    )
    async def publish_wording(call: Call[NewWording, None, OfKind]) -> Changed:
        """Publish the wording that people agree to from now on.

        Consents given on earlier wordings stay, each on its own. The same texts again change nothing.
        """
        command = PublishWording(kind=call.path.kind, at=parts.clock(), by=call.actor, texts=call.body.texts)
        return await carry_out(call, KINDS, command)

    @routes.post(
        "/v1/kinds/{kind}/retirement",
        params=OfKind,
        answer=Changed,
        roles=("admin",),
        refusals=("unknown-kind", "command-id-reused"),
    )
    async def retire_kind(call: Call[None, None, OfKind]) -> Changed:
        """Stop asking for this consent, for good. What was given stays and can be withdrawn."""
        return await carry_out(call, KINDS, RetireKind(kind=call.path.kind, at=parts.clock(), by=call.actor))

    return routes


def _purpose(row: PurposeRow) -> Purpose:
    return Purpose(
        purpose=row.purpose,
        titles=row.titles,
        descriptions=row.descriptions,
        legal_basis=row.legal_basis,
        direct_marketing=row.direct_marketing,
        since=row.since,
    )


def _kind(offered: OfferedKind) -> Kind:
    row = offered.row
    return Kind(
        kind=row.kind,
        titles=row.titles,
        purpose=_purpose(offered.purpose) if offered.purpose else None,
        channels=list(row.channels),
        double_opt_in=row.double_opt_in,
        validity_days=row.validity_days,
        since=row.since,
        retired=row.retired,
        wordings=[Wording(version=w.version, texts=w.texts, published=w.published) for w in offered.wordings],
    )
