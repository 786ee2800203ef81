"""The reader's language: chosen by ``?lang=``, a cookie or the browser, and used for words, dates and times alike."""

from __future__ import annotations

import datetime as days
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Final
from zoneinfo import ZoneInfo

from aiohttp import web as http
from aiohttp.typedefs import Handler, Middleware
from babel import Locale, dates, numbers
from babel.support import Translations

from web.catalogues import N_, SHARED, check_complete, languages_of, translations

__all__ = ["LANGUAGE", "N_", "Language", "Languages", "check_complete", "language_of"]

COOKIE = "language"
PARAMETER = "lang"
A_YEAR = 365 * 24 * 3600
LOCALES = {"en": "en_GB"}
"""How dates are written where a language alone does not say it."""

LONGEST_NUMBER = 10**15


@dataclass(slots=True, frozen=True)
class Language:
    """One language: what it says, and how it writes days and times of the controller's zone."""

    code: str
    locale: Locale
    translations: Translations
    zone: ZoneInfo

    @property
    def name(self) -> str:
        """Give the language's own name for itself."""
        name = Locale.parse(self.code).get_display_name() or self.code
        return name[:1].upper() + name[1:]

    def say(self, message: str, **values: object) -> str:
        """Say a message in this language."""
        return self.translations.ugettext(message) % values

    def say_many(self, one: str, many: str, number: int, **values: object) -> str:
        """Say a message about a number of things; ``%(num)d`` is the number."""
        return self.translations.ungettext(one, many, number) % {"num": number, **values}

    def knows(self, message: str) -> bool:
        """Whether the message is in the catalogue."""
        return message in self.translations._catalog

    def date(self, when: days.date) -> str:
        """Write a day out: "24 November 2026"."""
        return dates.format_date(self._local(when), "long", locale=self.locale)

    def time(self, when: datetime) -> str:
        """Write the time of a day: "14:05", in German "14:05 Uhr"."""
        said = dates.format_time(when.astimezone(self.zone), "short", locale=self.locale)
        return f"{said} Uhr" if self.code == "de" else said

    def moment(self, when: datetime, *, zone: bool = False) -> str:
        """Write day and time; ``zone`` names the zone, as evidence does."""
        said = f"{self.date(when)}, {self.time(when)}"
        if not zone:
            return said
        name = dates.get_timezone_name(when.astimezone(self.zone), width="long", locale=self.locale)
        return f"{said} ({name})"

    def ago(self, when: datetime, now: datetime | None = None) -> str:
        """Say how long ago, or in how long: "3 days ago". Beside an absolute time, never instead of one."""
        distance: timedelta = when - (now or datetime.now(UTC))
        return dates.format_timedelta(distance, add_direction=True, locale=self.locale)

    def number(self, number: float) -> str:
        """Write a number in full, not rounded: "1,234.5", in German "1.234,5"; one that nobody can read stays as it is."""
        if abs(number) >= LONGEST_NUMBER:
            return str(number)
        return numbers.format_decimal(number, locale=self.locale, decimal_quantization=False)

    def _local(self, when: days.date) -> days.date:
        return when.astimezone(self.zone) if isinstance(when, datetime) else when


LANGUAGE: Final = http.RequestKey("web-language", Language)


def language_of(request: http.Request) -> Language:
    """Give the language that was chosen for the request."""
    return request[LANGUAGE]


class Languages:
    """The languages that the installation speaks: those of the shared catalogue, with the services' own messages."""

    def __init__(
        self, *packages: str, default: str = "de", time_zone: str = "Europe/Berlin", https: bool = False
    ) -> None:
        zone = ZoneInfo(time_zone)
        self._https = https
        self._spoken = {
            code: Language(code, Locale.parse(LOCALES.get(code, code)), translations(code, *packages), zone)
            for code in languages_of(SHARED)
        }
        if default not in self._spoken:
            raise ValueError(f"there is no catalogue in {default!r}")
        self.default = self._spoken[default]

    @cached_property
    def codes(self) -> Sequence[str]:
        """The codes of the languages."""
        return tuple(self._spoken)

    def __getitem__(self, code: str) -> Language:
        """Give a language by its code."""
        return self._spoken[code]

    def __iter__(self) -> Iterator[Language]:
        return iter(self._spoken.values())

    def find(self, code: str | None) -> Language:
        """Give a language by its code, or the default."""
        return self._spoken.get(code or "", self.default)

    def negotiate(self, request: http.Request) -> Language:
        """Give the language that the reader chose: in the address, before (cookie), or in the browser."""
        for chosen in (request.query.get(PARAMETER), request.cookies.get(COOKIE)):
            if chosen in self._spoken:
                return self._spoken[chosen]
        for code in _accepted(request.headers.get("Accept-Language", "")):
            if code in self._spoken:
                return self._spoken[code]
        return self.default

    @property
    def middleware(self) -> Middleware:
        """Choose the language of each request, and remember a choice made in the address."""

        def remember(request: http.Request, response: http.StreamResponse) -> None:
            chosen = request.query.get(PARAMETER)
            if chosen in self._spoken and not response.prepared:
                response.set_cookie(
                    COOKIE, chosen, max_age=A_YEAR, path="/", httponly=True, samesite="Lax", secure=self._https
                )

        @http.middleware
        async def choose(request: http.Request, handler: Handler) -> http.StreamResponse:
            request[LANGUAGE] = self.negotiate(request)
            try:
                response = await handler(request)
            except http.HTTPRedirection as redirect:
                remember(request, redirect)
                raise
            remember(request, response)
            return response

        return choose


def _accepted(header: str) -> list[str]:
    """Give the languages of an ``Accept-Language`` header, the best liked first."""
    liked: list[tuple[float, int, str]] = []
    for place, part in enumerate(header[:500].split(",")):
        code, _, rest = part.strip().partition(";")
        quality = rest.strip().removeprefix("q=")
        try:
            weight = float(quality) if quality else 1.0
        except ValueError:
            continue
        if weight > 0:
            liked.append((-weight, place, code.strip().split("-")[0].lower()))
    return [code for _, _, code in sorted(liked)]
