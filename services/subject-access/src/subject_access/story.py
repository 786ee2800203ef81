"""What happened so far, in plain words: one line for each thing, and what came in bulk on one day told as one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from babel.dates import get_timezone_name

from subject_access import words
from subject_access.projections.happenings import HappeningRow
from web.languages import Language

IN_BULK: Final = frozenset(("PersonChanged", "RecordChanged", "RecordRemoved", "PortalOpened"))
"""Told once for each day."""
HERE: Final = words.METHODS["portal"]


@dataclass(frozen=True, slots=True)
class Told:
    """One line of the story."""

    at: datetime
    title: str
    text: str = ""
    by: str = ""


def story(rows: Iterable[HappeningRow], title_of: Callable[[str], str], language: Language) -> list[Told]:
    """Tell it, newest first. What only carries out another happening (``cause``) is not told twice."""
    known = list(rows)
    ids = {row.event for row in known}
    own = [row for row in known if row.cause not in ids or row.what == "ChoiceDeclined"]
    days = sorted(_by_day(own, language), key=lambda row: (row.at, row.what != "PersonAdmitted"), reverse=True)
    return [told for row in days if (told := _told(row, title_of, language))]


def _by_day(rows: Sequence[HappeningRow], language: Language) -> list[HappeningRow]:
    days: dict[object, HappeningRow] = {}
    for row in rows:
        key: object = row.event
        if row.what in IN_BULK:
            key = (row.what, row.kind, row.by, row.at.astimezone(language.zone).date())
        before = days.get(key)
        days[key] = replace(row, many=row.many + before.many, at=max(row.at, before.at)) if before else row
    return list(days.values())


def _told(row: HappeningRow, title_of: Callable[[str], str], language: Language) -> Told | None:
    say = language.say
    consent = title_of(row.kind) if row.kind else ""
    kind = row.kind or ""
    record = say(words.RECORDS[kind][1]) if kind in words.RECORDS else words.by_its_own_name(kind)
    text = ""
    match row.what, row.how:
        case "AccessLinkIssued", _:
            title = say("We sent you a link to this page")
        case "AccessLinkRevoked", _:
            title = say("A link to this page was cancelled")
        case "PortalOpened", _:
            title = language.say_many("This page was opened", "This page was opened %(num)d times", row.many)
        case "ConsentChosen", "give":
            title, text = say("You agreed: %(what)s", what=consent), say(HERE)
        case "ConsentChosen", _:
            title, text = say("You withdrew: %(what)s", what=consent), say(HERE)
        case "ChoiceDeclined", why:
            title = say("Your choice could not be carried out: %(what)s", what=consent)
            text = say(words.DECLINED.get(why or "", words.NOT_TAKEN_OVER))
        case "ConsentGiven", how:
            title, text = say("Consent given: %(what)s", what=consent), _method(how, language)
        case "ConsentWithdrawn", how:
            title, text = say("Consent withdrawn: %(what)s", what=consent), _method(how, language)
        case "ConsentRefused", how:
            title, text = say("Consent refused: %(what)s", what=consent), _method(how, language)
        case "ConsentRecordedInCrm", _:
            title = say("It was noted that you agreed: %(what)s", what=consent)
        case "WithdrawalRecordedInCrm", _:
            title = say("It was noted that you withdrew: %(what)s", what=consent)
        case "ObjectionRaised", how:
            title, text = say("You objected to advertising"), _method(how, language)
        case "ObjectionLifted", how:
            title, text = say("You took back your objection to advertising"), _method(how, language)
        case "PersonAdmitted", _:
            title = say("We began to hold a record about you")
        case "PersonChanged", _:
            title = language.say_many(
                "A detail about you was recorded or changed",
                "%(num)d details about you were recorded or changed",
                row.many,
            )
        case "PersonRemoved", _:
            title = say("Your record was removed from our customer system")
        case "RecordChanged", _:
            title = language.say_many(
                "Recorded or changed: %(what)s", "Recorded or changed: %(what)s (%(num)d times)", row.many, what=record
            )
        case "RecordRemoved", _:
            title = language.say_many("Removed: %(what)s", "Removed: %(what)s (%(num)d times)", row.many, what=record)
        case _:
            return None
    # Whoever opened the page held the link; more is not known.
    by = "" if row.what == "PortalOpened" else say(words.ACTORS.get(row.by, words.ACTORS["system"]))
    return Told(row.at, title, text[:1].upper() + text[1:], by)


def zone_name(language: Language) -> str:
    """Name the zone of all times, in the reader's language."""
    return get_timezone_name(language.zone, width="long", locale=language.locale)


def _method(how: str | None, language: Language) -> str:
    return language.say(words.METHODS[how]) if how and how in words.METHODS else ""
