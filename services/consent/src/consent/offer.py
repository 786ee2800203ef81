"""What can be consented to at this moment: purposes, kinds and wordings, kept in memory for deciding and checking.

Changes made in this process are seen at once, those of another process within half a second; a grant that does not fit what is
in memory is tried again on what the tables say (``fresh``).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from consent.deciders.consents import GiveConsent, KindTerms
from consent.projections.kinds import KindRow, kinds
from consent.projections.purposes import PurposeRow, purposes
from consent.projections.wordings import WordingRow, wordings
from events.envelope import AnyRecorded
from events.projecting import Reaction
from events.runtime.service import NotReady, Service

REFRESH_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class OfferedKind:
    """A kind of consent with its purpose and its wordings, oldest first."""

    row: KindRow
    purpose: PurposeRow | None
    wordings: tuple[WordingRow, ...]
    terms: KindTerms

    @property
    def newest(self) -> WordingRow | None:
        """The wording that people are asked to agree to."""
        return self.wordings[-1] if self.wordings else None


@dataclass(slots=True)
class Offer:
    """The kinds by name, and the purposes. ``service`` gives the service whose tables are read."""

    service: Callable[[], Service]
    loaded: bool = False
    _kinds: Mapping[str, OfferedKind] = field(default_factory=dict)
    _purposes: Mapping[str, PurposeRow] = field(default_factory=dict)

    @property
    def kinds(self) -> Mapping[str, OfferedKind]:
        """The kinds, retired ones too. Raises ``NotReady``."""
        self._must_be_loaded()
        return self._kinds

    @property
    def purposes(self) -> Mapping[str, PurposeRow]:
        """The purposes. Raises ``NotReady``."""
        self._must_be_loaded()
        return self._purposes

    def terms(self, kind: str) -> KindTerms | None:
        """Give the terms of a kind, ``None`` where there is no such kind. Raises ``NotReady``."""
        offered = self.kinds.get(kind)
        return offered.terms if offered else None

    def waits_for(self) -> list[str]:
        """Give what is missing until consents can be decided on."""
        return [] if self.loaded else ["configuration: the kinds of consent are not loaded yet"]

    async def fresh(self, kind: str) -> KindTerms | None:
        """Give the terms of a kind as the tables have them now."""
        await self.refresh()
        return self.terms(kind)

    async def refresh(self) -> None:
        """Read the tables."""
        service = self.service()
        known = {p.purpose: p for p in await service.reader(purposes).select("ORDER BY purpose")}
        texts: dict[str, list[WordingRow]] = {}
        for wording in await service.reader(wordings).select("ORDER BY kind, version"):
            texts.setdefault(wording.kind, []).append(wording)
        offered = {
            row.kind: _offered(row, known.get(row.purpose), tuple(texts.get(row.kind, ())))
            for row in await service.reader(kinds).select("ORDER BY kind")
        }
        self._purposes, self._kinds, self.loaded = known, offered, True

    async def follow(self) -> None:
        """Keep up with the tables for as long as the service runs."""
        while True:
            await asyncio.sleep(REFRESH_SECONDS)
            await self.refresh()

    def completing(self, reaction: Reaction) -> Reaction:
        """Give the reaction with the kind's terms put into each grant that it makes."""

        def command(event: AnyRecorded) -> Any:
            wanted = reaction.command(event)
            return replace(wanted, terms=self.terms(wanted.kind)) if isinstance(wanted, GiveConsent) else wanted

        return replace(reaction, command=command)

    def _must_be_loaded(self) -> None:
        if not self.loaded:
            raise NotReady("the kinds of consent are not loaded yet")


def _offered(row: KindRow, purpose: PurposeRow | None, texts: tuple[WordingRow, ...]) -> OfferedKind:
    terms = KindTerms(
        wordings={wording.version: frozenset(wording.texts) for wording in texts},
        retired=row.retired is not None,
        direct_marketing=purpose is not None and purpose.direct_marketing,
        validity_days=row.validity_days,
    )
    return OfferedKind(row, purpose, texts, terms)
