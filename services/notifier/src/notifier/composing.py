"""Writing a mail: its headers, its text and the same as HTML, in the reader's language.

Everything that could be personal is filled in here, at the last moment, and kept nowhere. Headers hold nothing that came from
outside but the address, and that only if it is one: no name, no line end, no second recipient.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from email.utils import format_datetime
from typing import Final
from uuid import UUID

import jinja2

from events.runtime.transport import TransportKey
from notifier.addresses import NoAddress, address
from notifier.projections.mails import MailRow
from notifier.settings import NotifierSettings
from web.languages import N_, Language, Languages

SUBJECTS: Final[Mapping[str, str]] = {
    "access-link": N_("Your link to your data at %(company)s"),
}
"""Every kind of mail, with its subject; its two bodies are templates of the same name."""


class Unwritable(Exception):
    """The mail can never be written: the address is none, or its kind is unknown."""


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail, ready to be handed over: the envelope and the bytes."""

    sender: str
    recipient: str
    content: bytes
    international: bool = False
    """Whether the address has letters beyond ASCII, which the server must be able to take (RFC 6531)."""


class Composer:
    """Writes mails in the name of one company."""

    def __init__(self, settings: NotifierSettings) -> None:
        self._settings = settings
        self._transport = TransportKey.from_file(settings.transport_key_file)
        self._languages = Languages("notifier", time_zone=settings.time_zone)
        self._sender = settings.sender
        self._templates = {language.code: _templates(language) for language in self._languages}

    def compose(self, row: MailRow, now: datetime) -> Letter:
        """Write a mail. Raises ``Unwritable``, or ``Unreadable`` where the transport key does not open the secret."""
        if row.template not in SUBJECTS:
            raise Unwritable("no such kind of mail")
        try:
            recipient = address(str(row.to))
        except NoAddress:
            raise Unwritable("not an address") from None
        language = self._languages.find(row.language)
        values = self._values(row, language)
        international = not recipient.addr_spec.isascii()
        mail = EmailMessage(policy=SMTPUTF8 if international else SMTP)
        mail["From"] = self._sender
        mail["To"] = recipient
        mail["Subject"] = language.say(SUBJECTS[row.template], **values)
        mail["Date"] = format_datetime(now)
        mail["Message-ID"] = row.message_id
        mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: so that no out-of-office notice comes back
        mail["Content-Language"] = language.code
        mail.set_content(self._body(f"{row.template}.txt", language, values), cte="quoted-printable")
        html = self._body(f"{row.template}.html", language, values)
        mail.add_alternative(html, subtype="html", cte="quoted-printable")
        return Letter(self._sender.addr_spec, recipient.addr_spec, mail.as_bytes(), international)

    def _values(self, row: MailRow, language: Language) -> dict[str, str]:
        said = row.parameters if isinstance(row.parameters, dict) else {}
        values = {"company": self._settings.company_name}
        if row.template == "access-link":
            token = self._transport.open(said["for_mail"], UUID(said["link"]))
            values["address"] = f"{self._settings.portal_url.rstrip('/')}/l/{token}"
            values["until"] = language.moment(datetime.fromisoformat(said["expires"]), zone=True)
        return values

    def _body(self, template: str, language: Language, values: Mapping[str, str]) -> str:
        return self._templates[language.code].get_template(template).render(values, language=language.code)


def _templates(language: Language) -> jinja2.Environment:
    templates = jinja2.Environment(
        loader=jinja2.PackageLoader("notifier"),
        autoescape=jinja2.select_autoescape(["html"]),
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
        extensions=["jinja2.ext.i18n"],
    )
    words = language.translations
    templates.install_gettext_callables(words.ugettext, words.ungettext, newstyle=True)  # type: ignore[attr-defined]
    return templates
