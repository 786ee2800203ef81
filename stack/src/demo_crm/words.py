"""The CRM's words in German, by the English ones, and how it writes moments and amounts."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Literal, get_args
from zoneinfo import ZoneInfo

Language = Literal["en", "de"]
LANGUAGES: tuple[Language, ...] = get_args(Language)

ENGLISH_MONTHS = "January February March April May June July August September October November December".split()  # noqa: SIM905
GERMAN_MONTHS = "Januar Februar März April Mai Juni Juli August September Oktober November Dezember".split()  # noqa: SIM905

GERMAN: Mapping[str, str] = {
    # The frame
    "Customers": "Kunden",
    "Connection": "Verbindung",
    "New customer": "Neuer Kunde",
    "Skip to the content": "Zum Inhalt",
    "Made-up customers, for trying things out.": "Erfundene Kunden, zum Ausprobieren.",
    "Everything is sent and answered.": "Alles ist gesendet und beantwortet.",
    "The privacy service cannot be reached; {n} messages wait.": "Der Datenschutzdienst ist nicht erreichbar; {n} Nachrichten warten.",
    "{n} messages are on their way.": "{n} Nachrichten sind unterwegs.",
    # The list
    "{n} customers": "{n} Kunden",
    "Find in this list": "In dieser Liste suchen",
    "Name": "Name",
    "Town": "Ort",
    "No name": "Ohne Namen",
    "yes": "ja",
    "no": "nein",
    "unknown": "offen",
    "There are no customers. Make one by “New customer”.": "Es gibt keine Kunden. Legen Sie mit „Neuer Kunde“ einen an.",
    # Consents
    "Consents": "Einwilligungen",
    "newsletter": "Newsletter",
    "product-news-phone": "Anrufe",
    "satisfaction-survey": "Umfragen",
    "personal-offers": "Angebote",
    "given": "erteilt",
    "withdrawn": "widerrufen",
    "refused": "abgelehnt",
    "expired": "abgelaufen",
    "invalidated": "ungültig",
    "nothing recorded": "nichts vermerkt",
    "since {when}": "seit {when}",
    "recorded here": "hier vermerkt",
    "told by the privacy service": "vom Datenschutzdienst gemeldet",
    "by {method}": "über: {method}",
    "portal": "Kundenportal",
    "web_form": "Webformular",
    "telephone": "Telefon",
    "paper": "Papier",
    "staff": "Mitarbeiter",
    "unsubscribe": "Abmeldelink",
    "wording {n}": "Wortlaut {n}",
    "Evidence: {text}": "Nachweis: {text}",
    "a tick without evidence": "ein Häkchen ohne Nachweis",
    "Customer agrees": "Kunde willigt ein",
    "Customer withdraws": "Kunde widerruft",
    "Record a consent": "Einwilligung vermerken",
    "Consent": "Einwilligung",
    "How can it be shown? (form, recording)": "Wie lässt es sich zeigen? (Formular, Aufzeichnung)",
    "Without this it is only a tick, which counts for little.": "Ohne das ist es nur ein Häkchen, das wenig zählt.",
    # A customer
    "Details": "Stammdaten",
    "Edit": "Bearbeiten",
    "Delete customer": "Kunden löschen",
    "Delete": "Löschen",
    "Delete {name} with all orders, notes and tickets?": "{name} mit allen Bestellungen, Notizen und Tickets löschen?",
    "What the privacy service has recorded stays there until it is erased.": (
        "Was der Datenschutzdienst verzeichnet hat, bleibt dort, bis es gelöscht wird."
    ),
    "Changed {when}": "Geändert {when}",
    "Orders": "Bestellungen",
    "Notes": "Notizen",
    "Tickets": "Tickets",
    "None.": "Keine.",
    "Add an order": "Bestellung hinzufügen",
    "Items, one on each line": "Artikel, je Zeile einer",
    "Total in euros": "Summe in Euro",
    "Add": "Hinzufügen",
    "Add a note": "Notiz hinzufügen",
    "Note": "Notiz",
    "Privacy": "Datenschutz",
    "Open in a window": "In einem Fenster öffnen",
    "Not taken over by the privacy service:": "Vom Datenschutzdienst nicht übernommen:",
    # Fields
    "salutation": "Anrede",
    "title": "Titel",
    "first_name": "Vorname",
    "last_name": "Nachname",
    "company": "Firma",
    "job_title": "Funktion",
    "customer_number": "Kundennummer",
    "birth_date": "Geburtsdatum",
    "language": "Sprache",
    "emails": "E-Mail",
    "phones": "Telefon",
    "addresses": "Anschrift",
    "loyalty_level": "Kundenstufe",
    "customer_since": "Kunde seit",
    "discount_percent": "Rabatt in Prozent",
    "dealer": "Händler",
    "warranty_until": "Garantie bis",
    "newsletter_topics": "Themen",
    "bronze": "Bronze",
    "silver": "Silber",
    "gold": "Gold",
    "street": "Straße",
    "postcode": "PLZ",
    "city": "Ort",
    "country": "Land",
    # Forms
    "Save": "Speichern",
    "Cancel": "Abbrechen",
    "Back": "Zurück",
    "One on each line; a word for it after a comma: erika@example.org, private": (
        "Je Zeile eine; nach einem Komma ein Wort dazu: erika@example.org, privat"
    ),
    "One on each line": "Je Zeile eins",
    "as 1980-02-03": "als 1980-02-03",
    "two letters, such as de or en": "zwei Buchstaben, etwa de oder en",
    "not set": "nicht gesetzt",
    "Please correct": "Bitte korrigieren",
    "Give a last name or a company.": "Geben Sie einen Nachnamen oder eine Firma an.",
    "Give a date as 1980-02-03.": "Geben Sie ein Datum als 1980-02-03 an.",
    "Give a number.": "Geben Sie eine Zahl an.",
    "Give at least one item.": "Geben Sie mindestens einen Artikel an.",
    "Give an amount such as 49.90.": "Geben Sie einen Betrag an, etwa 49,90.",
    "Write something.": "Schreiben Sie etwas.",
    "This is too long.": "Das ist zu lang.",
    # The connection
    "What was said and what was told, newest first.": "Was gesagt und was gemeldet wurde, das Neueste zuerst.",
    "Sent": "Gesendet",
    "Received": "Empfangen",
    "When": "Wann",
    "Customer": "Kunde",
    "Message": "Nachricht",
    "Answer": "Antwort",
    "waiting": "wartet",
    "taken": "übernommen",
    "overtaken": "überholt",
    "not taken over": "nicht übernommen",
    "webhook": "Webhook",
    "feed": "Abruf",
    "Way": "Weg",
    "Nothing yet.": "Noch nichts.",
    # What goes wrong
    "There is no such page.": "Diese Seite gibt es nicht.",
    "There is no such customer, or not any more.": "Diesen Kunden gibt es nicht oder nicht mehr.",
    "This did not come from a page of the CRM. Go back, reload the page, and try again.": (
        "Das kam nicht von einer Seite des CRM. Gehen Sie zurück, laden Sie die Seite neu und versuchen Sie es noch einmal."
    ),
    "This cannot be done.": "Das geht nicht.",
    "This CRM does not answer under that name.": "Unter diesem Namen antwortet das CRM nicht.",
    "Something went wrong here.": "Hier ist etwas schiefgegangen.",
}
ENGLISH: Mapping[str, str] = {
    "newsletter": "Newsletter",
    "product-news-phone": "Calls",
    "satisfaction-survey": "Surveys",
    "personal-offers": "Offers",
    "portal": "customer portal",
    "web_form": "web form",
    "unsubscribe": "unsubscribe link",
    "salutation": "Salutation",
    "title": "Title",
    "first_name": "First name",
    "last_name": "Last name",
    "company": "Company",
    "job_title": "Job title",
    "customer_number": "Customer number",
    "birth_date": "Birth date",
    "language": "Language",
    "emails": "E-mail",
    "phones": "Telephone",
    "addresses": "Address",
    "loyalty_level": "Loyalty level",
    "customer_since": "Customer since",
    "discount_percent": "Discount in percent",
    "dealer": "Dealer",
    "warranty_until": "Warranty until",
    "newsletter_topics": "Topics",
    "bronze": "Bronze",
    "silver": "Silver",
    "gold": "Gold",
    "street": "Street",
    "postcode": "Postcode",
    "city": "Town",
    "country": "Country",
}
"""Where the word that the CRM stores is not the one that it shows."""


def chosen(cookie: str | None, accepted: str) -> Language:
    """Choose the reader's language: what they switched to, else what their browser asks for first."""
    asked = [cookie or "", *(part.split(";")[0].strip()[:2].lower() for part in accepted.split(","))]
    return next((language for one in asked for language in LANGUAGES if language == one), "en")


class Words:
    """One language, for one page."""

    def __init__(self, language: Language, zone: ZoneInfo) -> None:
        self.language = language
        self._zone = zone
        self._words = GERMAN if language == "de" else ENGLISH

    def __call__(self, text: str, /, **values: object) -> str:
        """Give a text in the language, with its values."""
        said = self._words.get(text, text)
        return said.format(**values) if values else said

    def moment(self, value: str | datetime) -> str:
        """Write a moment, in our zone: ``24 November 2026, 14:05``."""
        at = datetime.fromisoformat(value) if isinstance(value, str) else value
        at = at.astimezone(self._zone)
        return f"{self.day(at.date())}, {at:%H:%M}"

    def day(self, value: str | date) -> str:
        """Write a day; what is none stays as it is."""
        try:
            day = date.fromisoformat(value) if isinstance(value, str) else value
        except ValueError:
            return str(value)
        if self.language == "de":
            return f"{day.day}. {GERMAN_MONTHS[day.month - 1]} {day.year}"
        return f"{day.day} {ENGLISH_MONTHS[day.month - 1]} {day.year}"

    def amount(self, value: float, currency: str = "EUR") -> str:
        """Write a sum of money."""
        written = f"{value:,.2f}"
        if self.language == "de":
            written = written.replace(",", " ").replace(".", ",").replace(" ", ".")
        return f"{written} {currency}"
