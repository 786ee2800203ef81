"""Our words for what the log names by slugs: fields, groups, records, doors. In English here, translated by the catalogues."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from events.catalogue.vocabulary import Texts
from web.catalogues import N_
from web.languages import Language

GROUPS: Final[Mapping[str, str]] = {
    "who-you-are": N_("Who you are"),
    "how-we-reach-you": N_("How we reach you"),
    "work": N_("Your work"),
}
"""The groups of fields, in the order in which people think of them. Groups that an administrator made up come after them."""

CORE: Final[Mapping[str, tuple[str, str]]] = {
    "salutation": ("who-you-are", N_("Form of address")),
    "title": ("who-you-are", N_("Title")),
    "first_name": ("who-you-are", N_("First name")),
    "last_name": ("who-you-are", N_("Last name")),
    "birth_date": ("who-you-are", N_("Date of birth")),
    "language": ("who-you-are", N_("Your language")),
    "customer_number": ("who-you-are", N_("Customer number")),
    "emails": ("how-we-reach-you", N_("E-mail")),
    "phones": ("how-we-reach-you", N_("Telephone")),
    "addresses": ("how-we-reach-you", N_("Postal address")),
    "company": ("work", N_("Company")),
    "job_title": ("work", N_("Position")),
}

BOUGHT, NOTED, OTHER = "bought", "noted", "records"
RECORD_SECTIONS: Final[Mapping[str, str]] = {
    BOUGHT: N_("What you bought"),
    NOTED: N_("What we noted"),
    OTHER: N_("More that belongs to you"),
}
RECORDS: Final[Mapping[str, tuple[str, str]]] = {
    "order": (BOUGHT, N_("Order")),
    "orders": (BOUGHT, N_("Order")),
    "purchase": (BOUGHT, N_("Purchase")),
    "invoice": (BOUGHT, N_("Invoice")),
    "contract": (BOUGHT, N_("Contract")),
    "deal": (BOUGHT, N_("Offer")),
    "offer": (BOUGHT, N_("Offer")),
    "note": (NOTED, N_("Note")),
    "notes": (NOTED, N_("Note")),
    "ticket": (NOTED, N_("Enquiry")),
    "call": (NOTED, N_("Telephone call")),
    "activity": (NOTED, N_("Activity")),
    "task": (NOTED, N_("Task")),
    "meeting": (NOTED, N_("Meeting")),
    "history": (NOTED, N_("Entry")),
}
RECORD_FIELDS: Final[Mapping[str, str]] = {
    "date": N_("Date"),
    "total": N_("Total"),
    "amount": N_("Amount"),
    "currency": N_("Currency"),
    "item": N_("Item"),
    "items": N_("Items"),
    "status": N_("State"),
    "subject": N_("Subject"),
    "text": N_("Text"),
    "title": N_("Title"),
    "note": N_("Note"),
    "number": N_("Number"),
}

METHODS: Final[Mapping[str, str]] = {
    "portal": N_("on this page"),
    "web_form": N_("on a form on our website"),
    "crm": N_("as noted in our customer system"),
    "import": N_("taken over from an earlier list"),
    "telephone": N_("by telephone"),
    "paper": N_("on paper"),
    "staff": N_("by telling our staff"),
    "unsubscribe": N_("by the link in a message"),
}

CHANNELS: Final[Mapping[str, str]] = {
    "email": N_("by e-mail"),
    "telephone": N_("by telephone"),
    "sms": N_("by text message"),
    "post": N_("by post"),
    "any": N_("by any means"),
}

PLACES: Final[Mapping[str, str]] = {
    "actionpad": N_("In the overview beside our customer system"),
    "person-page": N_("On your page in our privacy desk"),
    "history": N_("In the history of what happened, as an auditor"),
    "replay": N_("In the whole log, as an auditor"),
}
ELSEWHERE: Final = N_("In one of our programmes")

ACTORS: Final[Mapping[str, str]] = {
    "person": N_("You"),
    "staff": N_("Our staff"),
    "crm": N_("Our customer system"),
    "system": N_("Our system"),
}

DECLINED: Final[Mapping[str, str]] = {
    "overtaken": N_("Something that you said later already counts."),
    "kind-retired": N_("We no longer ask anybody for this consent."),
    "unknown-kind": N_("We no longer ask anybody for this consent."),
    "unknown-wording": N_("The wording has changed in the meantime. Please read the new one and choose again."),
    "objection-stands": N_("You objected to advertising, and that still counts."),
}
NOT_TAKEN_OVER: Final = N_("It could not be carried out. Nothing has changed; please ask us.")


def in_words_of(language: Language, texts: Texts) -> tuple[str, str]:
    """Give an administrator's text in the reader's language, or in another there is; with the language that it is in."""
    for code in (language.code, "en", *texts):
        if text := texts.get(code):
            return text, code
    return "", language.code


def by_its_own_name(slug: str) -> str:
    """Make a name that one can read of one that a programme made: ``custom.shoe_size`` is "Shoe size"."""
    name = slug.removeprefix("custom.").replace(".", " ").replace("_", " ").replace("-", " ").strip()
    return name[:1].upper() + name[1:] or slug


LOOKERS: Final[Mapping[str, str]] = {
    "staff": N_("A member of our staff"),
    "crm": N_("Our customer system"),
    "system": N_("One of our systems"),
}
