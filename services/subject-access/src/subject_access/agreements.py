"""What a person agreed to, kind by kind: the wording they saw, when and how, what holds now, and what they may do next."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, TypeAlias

from events.catalogue.consents import WordingRef
from subject_access import words
from subject_access.projections.choices import ChoiceRow
from subject_access.projections.offer import KindRow, PurposeRow, WordingRow
from subject_access.projections.outcomes import OutcomeRow
from subject_access.projections.standings import EVERY_KIND, StandingRow
from web.languages import Language

OWN_DOORS: Final = frozenset(("portal", "web_form"))
"""Where people act with their own hand: a yes there counts after an objection (Art. 21(2))."""

State: TypeAlias = Literal["given", "withdrawn", "refused", "ran-out", "objected", "never", "received"]


@dataclass(frozen=True, slots=True)
class Shown:
    """A wording as it is shown: its text, and in which language that is."""

    ref: WordingRef
    text: str


@dataclass(frozen=True, slots=True)
class Offer:
    """What can be consented to."""

    kinds: Mapping[str, KindRow]
    wordings: Mapping[str, Sequence[WordingRow]]
    purposes: Mapping[str, PurposeRow]

    def newest(self, kind: str, language: Language) -> Shown | None:
        """Give the wording that people agree to today; nothing where nobody is asked for this kind."""
        row, published = self.kinds.get(kind), self.wordings.get(kind)
        if row is None or row.retired or not published:
            return None
        text, code = words.in_words_of(language, published[-1].texts)
        return Shown(WordingRef(version=published[-1].version, language=code), text) if text else None

    def agreed(self, row: StandingRow, language: Language) -> Shown | None:
        """Give the wording that was agreed to, where it is known which."""
        found = next((w for w in self.wordings.get(row.kind, ()) if w.version == row.wording_version), None)
        if found is None:
            return None
        code = row.wording_language
        text = found.texts.get(code) if code else None
        if text is None:
            text, code = words.in_words_of(language, found.texts)
        return Shown(WordingRef(version=found.version, language=code or language.code), text) if text else None

    def title(self, kind: str, language: Language) -> str:
        """Give what a kind is called."""
        row = self.kinds.get(kind)
        return (words.in_words_of(language, row.titles)[0] if row else "") or words.by_its_own_name(kind)


@dataclass(frozen=True, slots=True)
class Agreement:
    """One kind of consent, for one person. ``waiting`` is a choice made here that has no answer yet."""

    kind: str
    title: str
    purpose: str
    channels: Sequence[str]
    state: State
    since: datetime | None
    method: str
    agreed: Shown | None
    offered: Shown | None
    valid_until: datetime | None
    waiting: ChoiceRow | None

    @property
    def can_withdraw(self) -> bool:
        """Whether there is a yes to take back, or one on its way."""
        if self.waiting:
            return self.waiting.choice == "give"
        return self.state in {"given", "objected"}

    @property
    def can_give(self) -> bool:
        """Whether the person may say yes now."""
        return self.offered is not None and not self.can_withdraw


def agreements(
    offer: Offer,
    standings: Iterable[StandingRow],
    waiting: Iterable[ChoiceRow],
    language: Language,
    now: datetime,
) -> tuple[list[Agreement], StandingRow | None]:
    """Give every kind that is offered or that the person ever said something about, and the objection that stands."""
    by_kind = {row.kind: row for row in standings}
    objection = by_kind.pop(EVERY_KIND, None)
    if objection and objection.state != "objection":
        objection = None
    last = {choice.kind: choice for choice in sorted(waiting, key=lambda c: c.at)}
    names = [name for name, kind in offer.kinds.items() if not kind.retired and offer.wordings.get(name)]
    made = [
        _agreement(offer, name, by_kind.get(name), objection, last.get(name), language, now)
        for name in dict.fromkeys([*names, *by_kind, *last])
    ]
    return sorted(made, key=lambda a: (a.state not in {"given", "received"}, a.title.casefold())), objection


def _agreement(
    offer: Offer,
    kind: str,
    row: StandingRow | None,
    objection: StandingRow | None,
    choice: ChoiceRow | None,
    language: Language,
    now: datetime,
) -> Agreement:
    known = offer.kinds.get(kind)
    purpose = offer.purposes.get(known.purpose) if known else None
    return Agreement(
        kind=kind,
        title=offer.title(kind, language),
        purpose=words.in_words_of(language, purpose.descriptions)[0] if purpose else "",
        channels=known.channels if known else (),
        state="received" if choice else _state(row, purpose, objection, now),
        since=choice.at if choice else row.since if row else None,
        method="portal" if choice else row.method if row else "",
        agreed=offer.agreed(row, language) if row and row.state == "given" else None,
        offered=offer.newest(kind, language),
        valid_until=row.valid_until if row else None,
        waiting=choice,
    )


def _state(row: StandingRow | None, purpose: PurposeRow | None, objection: StandingRow | None, now: datetime) -> State:
    if row is None:
        return "never"
    if row.state != "given":
        return "refused" if row.state == "refused" else "withdrawn"
    if row.valid_until and row.valid_until <= now:
        return "ran-out"
    own_since = objection is not None and row.method in OWN_DOORS and row.since > objection.since
    return "objected" if objection and purpose and purpose.direct_marketing and not own_since else "given"


def unanswered(choices: Iterable[ChoiceRow], outcomes: Iterable[OutcomeRow]) -> list[ChoiceRow]:
    """Give the choices that have no answer yet."""
    answered = {outcome.choice_id for outcome in outcomes}
    return [choice for choice in choices if choice.choice_id not in answered]
