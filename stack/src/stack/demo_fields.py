"""What the demo CRM's own fields are called: an administrator's work, done once for the local stack.

A CRM sends fields by their technical names; staff and customers would read "Note written" in German sentences until
somebody has described it. Nothing that was described already is touched, and what the CRM sends beyond this list
still waits for an administrator, as it would anywhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from uuid import uuid4

import aiohttp

from stack.services import BY_NAME, Installation

PATIENCE: Final = aiohttp.ClientTimeout(total=10)

FIELDS: Final[Mapping[str, tuple[str, str, str]]] = {
    "custom.loyalty_level": ("choice", "Kundenstufe", "Loyalty level"),
    "custom.customer_since": ("date", "Kunde seit", "Customer since"),
    "custom.discount_percent": ("number", "Rabatt in Prozent", "Discount in per cent"),
    "custom.dealer": ("yes_no", "Händler", "Dealer"),
    "custom.warranty_until": ("date", "Garantie bis", "Warranty until"),
    "custom.newsletter_topics": ("text", "Themen im Newsletter", "Newsletter topics"),
    "order.placed": ("date", "Bestellt am", "Placed on"),
    "order.items": ("text", "Artikel", "Items"),
    "order.total": ("number", "Summe", "Total"),
    "order.currency": ("text", "Währung", "Currency"),
    "note.written": ("date", "Notiert am", "Written on"),
    "note.author": ("text", "Notiert von", "Written by"),
    "note.text": ("text", "Text", "Text"),
    "ticket.opened": ("date", "Eröffnet am", "Opened on"),
    "ticket.state": ("text", "Stand", "State"),
    "ticket.subject": ("text", "Anliegen", "Subject"),
}
"""By the name at the door: the type, the German and the English label."""

CHOICES: Final[Mapping[str, Mapping[str, Mapping[str, str]]]] = {
    "custom.loyalty_level": {
        "bronze": {"de": "Bronze", "en": "Bronze"},
        "silver": {"de": "Silber", "en": "Silver"},
        "gold": {"de": "Gold", "en": "Gold"},
    }
}


async def describe(installation: Installation, http: aiohttp.ClientSession) -> str | None:
    """Describe what nobody has described yet. Says what is in the way, if anything is: it may be tried again."""
    fields = f"{installation.url(BY_NAME['crm-gateway'])}/v1/fields"
    by_whom = {"Authorization": f"Bearer {installation.secrets.token('demo', ('admin',))}"}
    try:
        async with http.get(fields, headers=by_whom, raise_for_status=True, timeout=PATIENCE) as answer:
            known = (await answer.json())["fields"]
        described = {one["field"] for one in known if one["state"] == "described"}
        for field, (kind, german, english) in FIELDS.items():
            if field in described:
                continue
            body = {"type": kind, "labels": {"de": german, "en": english}, "choices": CHOICES.get(field)}
            headers = by_whom | {"Idempotency-Key": str(uuid4())}
            put = http.put(f"{fields}/{field}", json=body, headers=headers, raise_for_status=True, timeout=PATIENCE)
            async with put:
                pass
    except (TimeoutError, aiohttp.ClientError) as error:
        return f"waits to describe its fields ({type(error).__name__})"
    return None
