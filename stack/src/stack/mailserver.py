"""A mail server for this machine only: it accepts every mail, delivers none, and shows them on a page.

For tests it can also behave badly: refuse for now, refuse for good, be slow, hang up before it has accepted a mail, or
hang up after it has accepted one but before it said so.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from aiohttp import web
from aiosmtpd.smtp import SMTP, Envelope, Session

from stack.mailpages import routes
from stack.mailstore import MailStore
from stack.ports import LOOPBACK

Mode = Literal["ok", "temporary", "permanent", "slow", "drop", "lost-answer"]
MODES: tuple[Mode, ...] = get_args(Mode)
LARGEST_MAIL = 32 * 1024 * 1024


@dataclass(slots=True)
class Behaviour:
    """How the server treats the next mails: all of them, or only `times` more, or only those to one recipient."""

    mode: Mode = "ok"
    seconds: float = 5.0
    times: int | None = None
    recipient: str = ""

    def towards(self, recipients: list[str]) -> Mode:
        if self.mode == "ok" or (self.recipient and self.recipient not in recipients) or self.times == 0:
            return "ok"
        if self.times is not None:
            self.times -= 1
        return self.mode


class Postbox:
    """What the SMTP side does with a mail."""

    def __init__(self, store: MailStore, behaviour: Behaviour) -> None:
        self.store = store
        self.behaviour = behaviour

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 aiosmtpd's name
        recipients = [str(recipient) for recipient in envelope.rcpt_tos]
        match self.behaviour.towards(recipients):
            case "temporary":
                return "451 4.3.0 Not now, try again later"
            case "permanent":
                return "550 5.1.1 No such mailbox"
            case "drop":
                await _hang_up(server)
            case "lost-answer":
                self._accept(envelope, recipients)
                await _hang_up(server)
            case "slow":
                await asyncio.sleep(self.behaviour.seconds)
            case "ok":
                pass
        return f"250 2.0.0 Accepted as {self._accept(envelope, recipients)}"

    def _accept(self, envelope: Envelope, recipients: list[str]) -> int:
        content = envelope.content
        raw = content if isinstance(content, bytes) else str(content or "").encode()
        return self.store.add(str(envelope.mail_from or ""), recipients, raw)


async def _hang_up(server: SMTP) -> None:
    if isinstance(server.transport, asyncio.Transport):
        server.transport.abort()
    await asyncio.sleep(60)  # the closing of the connection cancels us here


async def serve(smtp_port: int, http_port: int, file: Path, host: str = LOOPBACK) -> None:
    """Serve until a signal says stop."""
    store = MailStore(file)
    behaviour = Behaviour()
    postbox = Postbox(store, behaviour)
    loop = asyncio.get_running_loop()
    smtp = await loop.create_server(
        lambda: SMTP(
            postbox,
            hostname="localhost",
            ident="Local mailbox",
            data_size_limit=LARGEST_MAIL,
            enable_SMTPUTF8=True,
            loop=loop,
        ),
        host,
        smtp_port,
    )
    app = web.Application()
    app.add_routes(routes(store, behaviour))
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, host, http_port).start()
    stopping = asyncio.Event()
    for told in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(told, stopping.set)
    logging.info("mail server: SMTP on port %s, page on port %s", smtp_port, http_port)
    await stopping.wait()
    smtp.close()
    await runner.cleanup()
    store.close()


def main() -> None:
    logging.basicConfig(
        level=os.environ.get("LOG_LEVEL", "INFO").upper(), format="%(asctime)s %(levelname)s %(message)s"
    )
    logging.getLogger("mail.log").setLevel(logging.WARNING)  # aiosmtpd logs addresses below that level
    asyncio.run(
        serve(
            smtp_port=int(os.environ.get("SMTP_PORT", "8425")),
            http_port=int(os.environ.get("HTTP_PORT", "8411")),
            file=Path(os.environ.get("MAILBOX_FILE", ".data/mail/mails.sqlite")),
            host=os.environ.get("HTTP_HOST", LOOPBACK),
        )
    )


if __name__ == "__main__":
    main()
