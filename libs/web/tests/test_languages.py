"""Both languages are complete, and whoever reads gets theirs."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from aiohttp import web as http
from aiohttp.test_utils import make_mocked_request

from web import catalogues
from web.languages import Languages, check_complete, language_of
from web.serving import application
from web.testing import client_of

LANGUAGES = Languages(default="de")
DE, EN = LANGUAGES["de"], LANGUAGES["en"]
WINTER = datetime(2026, 11, 24, 13, 5, tzinfo=UTC)


def test_every_message_is_translated_and_none_is_left_over() -> None:
    check_complete("web")


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package whose code says three things, one of them shared."""
    place = tmp_path / "sayings"
    (place / "templates").mkdir(parents=True)
    (place / "__init__.py").write_text('from web.catalogues import N_\nHELLO = N_("Hello %(name)s")\n')
    (place / "templates" / "a.html").write_text('{{ _("Back") }} {{ ngettext("One letter", "%(num)d letters", 3) }}')
    monkeypatch.syspath_prepend(str(tmp_path))
    for cached in (catalogues.catalogue, catalogues.said):
        cached.cache_clear()
    return place


def test_a_message_without_a_translation_is_found(package: Path) -> None:
    with pytest.raises(AssertionError, match=r"de: not translated: 'Hello %\(name\)s'"):
        check_complete("sayings")


def test_the_catalogues_are_brought_up_to_date(package: Path) -> None:
    catalogues.update("sayings")
    catalogues.catalogue.cache_clear()
    english = (package / "locale/en/LC_MESSAGES/messages.po").read_text()
    german = package / "locale/de/LC_MESSAGES/messages.po"
    assert 'msgstr "Hello %(name)s"' in english
    assert "Back" not in english, "the shared catalogue has it"
    with pytest.raises(AssertionError) as missing:
        check_complete("sayings")
    assert "en:" not in str(missing.value)
    told = (
        german.read_text().replace('msgstr ""\n\n', 'msgstr "Hallo %(name)s"\n\n').replace('[0] ""', '[0] "Ein Brief"')
    )
    german.write_text(told.replace('[1] ""', '[1] "%(num)d Briefe"'))
    catalogues.catalogue.cache_clear()
    check_complete("sayings")
    language = Languages("sayings")["de"]
    assert language.say("Hello %(name)s", name="Erika") == "Hallo Erika"
    assert language.say_many("One letter", "%(num)d letters", 3) == "3 Briefe"
    assert language.say("Back") == "Zurück"


def test_a_translation_that_nobody_says_and_one_with_a_wrong_placeholder_are_found(package: Path) -> None:
    catalogues.update("sayings")
    file = package / "locale/en/LC_MESSAGES/messages.po"
    text = file.read_text().replace('msgstr "Hello %(name)s"', 'msgstr "Hello %(nmae)s"')
    file.write_text(text + '\nmsgid "Gone"\nmsgstr "Gone"\n')
    catalogues.catalogue.cache_clear()
    with pytest.raises(AssertionError) as problems:
        check_complete("sayings")
    assert "nobody says: 'Gone'" in str(problems.value)
    assert "placeholder" in str(problems.value)


def test_the_catalogues_are_updated_from_the_command_line(package: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "web.catalogues", "sayings"], check=True, env={"PYTHONPATH": str(package.parent)}
    )
    assert (package / "locale/de/LC_MESSAGES/messages.po").exists()


@pytest.mark.parametrize(
    ("address", "headers", "code"),
    [
        ("/", {}, "de"),
        ("/", {"Accept-Language": "en-US,en;q=0.9,de;q=0.8"}, "en"),
        ("/", {"Accept-Language": "fr, de;q=0.5, en;q=0.7"}, "en"),
        ("/", {"Accept-Language": "fr"}, "de"),
        ("/", {"Accept-Language": "en;q=0"}, "de"),
        ("/", {"Accept-Language": ";;;q=x,,en;q=nonsense"}, "de"),
        ("/", {"Cookie": "language=en", "Accept-Language": "de"}, "en"),
        ("/?lang=de", {"Cookie": "language=en"}, "de"),
        ("/?lang=xx", {"Cookie": "language=xx"}, "de"),
    ],
)
def test_the_reader_chooses(address: str, headers: dict[str, str], code: str) -> None:
    assert LANGUAGES.negotiate(make_mocked_request("GET", address, headers=headers)).code == code


async def test_a_choice_is_remembered() -> None:
    async def show(request: http.Request) -> http.Response:
        return http.Response(text=language_of(request).name)

    async def away(_request: http.Request) -> http.Response:
        raise http.HTTPSeeOther("/")

    app = application("tried", middlewares=[LANGUAGES.middleware])
    app.router.add_get("/", show)
    app.router.add_get("/away", away)
    async with client_of(app) as client:
        async with client.get("/away?lang=en") as answer:
            assert await answer.text() == "English"
        async with client.get("/") as answer:
            assert await answer.text() == "English"
        async with client.get("/?lang=de") as answer:
            assert await answer.text() == "Deutsch"
            assert "HttpOnly" in answer.headers["Set-Cookie"]


def test_dates_are_written_out() -> None:
    assert (DE.date(date(2026, 11, 24)), EN.date(date(2026, 11, 24))) == ("24. November 2026", "24 November 2026")
    assert (DE.moment(WINTER), EN.moment(WINTER)) == ("24. November 2026, 14:05 Uhr", "24 November 2026, 14:05")
    assert EN.moment(WINTER, zone=True).endswith("(Central European Standard Time)")
    assert EN.moment(WINTER + timedelta(days=200), zone=True).endswith("15:05 (Central European Summer Time)")
    assert DE.ago(WINTER, WINTER + timedelta(days=3)) == "vor 3 Tagen"
    assert EN.ago(WINTER + timedelta(hours=5), WINTER) == "in 5 hours"
    assert (DE.number(12345.5), EN.number(12345.5)) == ("12.345,5", "12,345.5")
    assert (DE.number(0.12345678), DE.number(10**40)) == ("0,12345678", str(10**40))


def test_a_day_is_the_day_of_the_controller() -> None:
    assert DE.date(datetime(2026, 12, 31, 23, 30, tzinfo=UTC)) == "1. Januar 2027"


def test_a_language_without_a_catalogue_is_refused() -> None:
    with pytest.raises(ValueError, match="xx"):
        Languages(default="xx")
