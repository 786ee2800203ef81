"""Handing one letter to the mail server, and reading what its answer means for us.

Logged and recorded are kinds of trouble and numbers of answers, never their texts: servers quote addresses in them.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import Literal

from aiosmtplib import (
    SMTP,
    SMTPAuthenticationError,
    SMTPConnectError,
    SMTPDataError,
    SMTPException,
    SMTPHeloError,
    SMTPNotSupported,
    SMTPRecipientsRefused,
    SMTPResponseException,
)

from notifier.composing import Letter
from notifier.settings import NotifierSettings

PROBE_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a try: taken over, not now, or never. ``code`` is the server's answer, where it gave one."""

    result: Literal["accepted", "temporary", "permanent"]
    code: int | None = None


class Post:
    """The mail server. ``trouble`` says what keeps every mail from it, where something does."""

    def __init__(self, settings: NotifierSettings) -> None:
        self._settings = settings
        self.trouble: str | None = None

    def _client(self, timeout: float) -> SMTP:
        settings = self._settings
        return SMTP(
            hostname=settings.smtp_host,
            port=settings.smtp_port,
            use_tls=settings.smtp_tls == "tls",
            start_tls=settings.smtp_tls == "starttls",
            username=settings.smtp_username or None,
            password=settings.smtp_password or None,
            local_hostname=settings.sender.domain,
            timeout=timeout,
        )

    async def send(self, letter: Letter) -> Outcome:
        """Try once."""
        client = self._client(self._settings.smtp_timeout)
        if not await self._connected(client):
            return Outcome("temporary")
        try:
            options = ["SMTPUTF8", "BODY=8BITMIME"] if letter.international else []
            await client.sendmail(letter.sender, [letter.recipient], letter.content, mail_options=options)
        except (SMTPException, OSError, ValueError) as error:
            return meaning(error)
        finally:
            await _left(client)
        return Outcome("accepted")

    async def probe(self) -> None:
        """Find out whether the server can be reached and lets us in, and keep it in ``trouble``."""
        client = self._client(min(PROBE_SECONDS, self._settings.smtp_timeout))
        if await self._connected(client):
            await _left(client)

    async def _connected(self, client: SMTP) -> bool:
        try:
            await client.connect()
        except SMTPAuthenticationError as error:
            self.trouble = f"it does not let us in ({error.code}): see SMTP_USERNAME and SMTP_PASSWORD"
        except (SMTPConnectError, SMTPHeloError) as error:
            code = getattr(error, "code", None)
            self.trouble = f"not reachable ({code or type(error.__cause__ or error).__name__})"
        except (SMTPException, OSError) as error:
            self.trouble = f"not reachable ({type(error).__name__})"
        else:
            self.trouble = None
            return True
        client.close()
        return False


def meaning(error: Exception) -> Outcome:
    """Say what a failure means. For good is only what the server says of this recipient or this mail; a sender that it
    does not take is our own setting, which can be mended while the mail waits."""
    match error:
        case SMTPRecipientsRefused(recipients=[refused, *_]):
            return Outcome("permanent" if refused.code >= 500 else "temporary", refused.code)
        case SMTPDataError(code=code):
            return Outcome("permanent" if code >= 500 else "temporary", code)
        case SMTPNotSupported() | ValueError():
            return Outcome("permanent")
        case SMTPResponseException(code=code):
            return Outcome("temporary", code)
        case _:
            return Outcome("temporary")


async def _left(client: SMTP) -> None:
    """Say goodbye. What was accepted stays accepted, whatever comes of that."""
    with contextlib.suppress(SMTPException, OSError):
        await client.quit(timeout=2)
    client.close()


__all__ = ["Outcome", "Post", "meaning"]
