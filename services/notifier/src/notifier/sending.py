"""Sending what is queued: each mail by one process at a time, again and again until the server took it, or it is pointless.

A mail is claimed for a while, tried, and its outcome recorded as an event before the claim is given back. Who is killed in
between leaves the claim behind; after its time the mail is sent again, the same one by its Message-ID. Nothing but a queued row
of the read model sends anything: a replay or a rebuild that ends in sent mails sends none.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid5

from prometheus_client import Counter

from events.catalogue.vocabulary import THE_SYSTEM, Erased
from events.errors import Unreadable
from events.runtime.consuming import Consumer
from events.runtime.database import UNREACHABLE
from events.runtime.handling import Wanted
from events.runtime.logging import logger
from events.runtime.service import Service
from notifier.composing import Composer, Unwritable
from notifier.decider import MAILS, AcceptMail, Command, DelayMail, GiveUpMail, Reason
from notifier.posting import Outcome, Post
from notifier.projections.mails import MailRow, mails
from notifier.settings import NotifierSettings

log = logger(__name__)

TRIED = Counter("gdpr_mails_tried_total", "Tries to hand a mail over, by result.", ["result"])
OUTCOMES = UUID("5b0b6c0e-2a2f-5d8e-8a39-0c1f7d4e9b25")
AT_ONCE = 8
LONGEST_PAUSE = 3600.0
LOOK_EVERY = 0.25
PROBE_EVERY, PROBE_EVERY_IN_TROUBLE = 15.0, 1.0
GRACE_SECONDS = 8.0
HEAR_SECONDS = 5.0

# What is due and nobody's, as long as the server can be reached ($3); what is too late, in any case. The row in `sending` is taken
# or not taken in one statement, so two processes never both have it.
CLAIM = """
INSERT INTO sending AS held (mail, tries, until)
SELECT m.mail, 1, now() + make_interval(secs => $2)
  FROM mails m
 WHERE m.state = 'queued' AND ((m.next_try <= now() AND $3) OR m.not_after <= now())
   AND NOT EXISTS (SELECT FROM sending o WHERE o.mail = m.mail AND o.until > now())
 ORDER BY m.next_try LIMIT $1
    ON CONFLICT (mail) DO UPDATE SET tries = held.tries + 1, until = excluded.until WHERE held.until <= now()
RETURNING mail, tries
"""
GIVE_BACK = "UPDATE sending SET until = now() WHERE mail = $1"


def pause(tries: int, first: float) -> float:
    """Give the seconds until the next try: doubled each time, up to an hour."""
    return float(min(LONGEST_PAUSE, first * 2 ** min(tries - 1, 20)))


class Sender:
    """Sends what is queued."""

    def __init__(
        self,
        service: Service,
        composer: Composer,
        post: Post,
        settings: NotifierSettings,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._service = service
        self._composer = composer
        self._post = post
        self._settings = settings
        self._clock = clock
        self._trouble: str | None = None

    def waits_for(self) -> list[str]:
        """Say what keeps mails from going out."""
        return [f"mail server: {self._post.trouble}"] if self._post.trouble else []

    async def watch(self) -> None:
        """Look whether the mail server can be reached, until cancelled. While it cannot, no try is wasted on it."""
        while True:
            before = self._post.trouble
            await self._post.probe()
            if self._post.trouble != before:
                log.warning("mail server", trouble=self._post.trouble or "none any more")
            await asyncio.sleep(PROBE_EVERY_IN_TROUBLE if self._post.trouble else PROBE_EVERY)

    async def run(self) -> None:
        """Send until cancelled; what is under way then is ended first."""
        await self._caught_up()
        while True:
            round_ = asyncio.create_task(self._round())
            try:
                found = await asyncio.shield(round_)
            except asyncio.CancelledError:
                with contextlib.suppress(TimeoutError, *UNREACHABLE):
                    async with asyncio.timeout(GRACE_SECONDS):
                        await round_
                raise
            if not found:
                await asyncio.sleep(LOOK_EVERY)

    async def _caught_up(self) -> None:
        """Hear first what was revoked while we were away; but no mail waits long for a broker that does not answer."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(HEAR_SECONDS):
                while not _has_heard_all(self._service.reacting):
                    await asyncio.sleep(0.05)

    async def _round(self) -> bool:
        claimed = await self._service.pool.fetch(
            CLAIM, AT_ONCE, self._settings.mail_lease_seconds, self._post.trouble is None
        )
        await asyncio.gather(*(self._take(row["mail"], row["tries"]) for row in claimed))
        return bool(claimed)

    async def _take(self, mail: UUID, tries: int) -> None:
        """Try one mail that is ours, and give it back. Where the database is lost, the claim's time gives it back."""
        try:
            # Read only now: whoever had the claim before us recorded what became of it before they gave it back.
            row = await self._service.reader(mails).get(mail)
            if row is not None and row.state == "queued":
                await self._record(mail, tries, await self._deliver(row, tries))
            await self._service.pool.execute(GIVE_BACK, mail)
        except UNREACHABLE as error:
            log.warning("database not reachable, the mail waits", mail=str(mail), error_type=type(error).__name__)

    async def _deliver(self, row: MailRow, tries: int) -> Command:
        """Try a mail, and give what is to be recorded."""
        now = self._clock()
        if row.not_after is not None and row.not_after <= now:
            return self._given_up(row, tries, "expired")
        if isinstance(row.to, Erased) or isinstance(row.parameters, Erased):
            return self._given_up(row, tries, "erased")
        try:
            letter = self._composer.compose(row, now)
        except Unwritable:
            return self._given_up(row, tries, "refused")
        except Unreadable:
            log.error(
                "the transport key does not open a link: TRANSPORT_KEY_FILE must be the portal's", mail=str(row.mail)
            )
            outcome = Outcome("temporary")
        else:
            outcome = await self._post.send(letter)
        TRIED.labels(outcome.result).inc()
        match outcome.result:
            case "accepted":
                return AcceptMail(subject=row.subject, mail=row.mail, attempt=tries, at=self._clock(), by=THE_SYSTEM)
            case "permanent":
                return self._given_up(row, tries, "refused", outcome.code)
            case "temporary":
                wait = pause(tries, self._settings.mail_first_pause)
                log.info("mail not taken yet", mail=str(row.mail), tries=tries, code=outcome.code, next_try_in=wait)
                at = self._clock()
                return DelayMail(
                    subject=row.subject,
                    mail=row.mail,
                    attempt=tries,
                    code=outcome.code,
                    next_try=at + timedelta(seconds=wait),
                    at=at,
                    by=THE_SYSTEM,
                )

    def _given_up(self, row: MailRow, tries: int, reason: Reason, code: int | None = None) -> GiveUpMail:
        log.info("mail given up", mail=str(row.mail), tries=tries, reason=reason, code=code)
        return GiveUpMail(
            subject=row.subject,
            mail=row.mail,
            attempt=tries,
            code=code,
            reason=reason,
            at=self._clock(),
            by=THE_SYSTEM,
        )

    async def _record(self, mail: UUID, tries: int, outcome: Command) -> None:
        """Record what became of a try, however long the database takes: it has happened."""
        wanted = Wanted(
            decider=MAILS,
            command=outcome,
            id=uuid5(OUTCOMES, f"{type(outcome).__name__}:{mail}:{tries}"),
            correlation=None,
        )
        await self._service.handler.handle_surely([wanted])


def _has_heard_all(reacting: Consumer | None) -> bool:
    return (
        reacting is not None
        and not reacting.waits_for
        and all(position.next_offset >= reacting.ends.get(place, 0) for place, position in reacting.positions.items())
    )
