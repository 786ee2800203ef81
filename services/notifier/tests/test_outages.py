"""What is lost when the mail server, the notifier or both are away: nothing. And what is doubled says so by its Message-ID."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from notifier.settings import NotifierSettings
from stack.mailbox import Mailbox, start_mailbox
from stack.ports import free_port

from .conftest import Secrets, eventually, running


@pytest.fixture
def late_mail(scratch: Path) -> Iterator[Callable[[int], Mailbox]]:
    """Give what starts a mail server on a port; all are stopped in the end."""
    started: list[Mailbox] = []

    def start(port: int) -> Mailbox:
        started.append(start_mailbox(scratch / f"{uuid4().hex}.sqlite", port, log=scratch / "late.log"))
        return started[-1]

    yield start
    for one in started:
        one.stop()


async def test_while_the_mail_server_is_away_mails_wait_and_health_says_so(
    installation: Callable[..., NotifierSettings], secrets: Secrets, late_mail: Callable[[int], Mailbox]
) -> None:
    port = free_port()
    async with running(installation(smtp_port=port), secrets, with_mail=False) as up:
        anna = uuid4()
        await up.link(anna, "anna@example.org")
        assert (await up.until(anna, "queued"))["reason"] is None
        await eventually(lambda: any("mail server" in why for why in up.notifier.waits_for()))
        async with up.http.get("/readyz") as answer:
            assert answer.status == 503
            assert "mail server: not reachable" in str((await answer.json())["waits_for"])
        mailbox = late_mail(port)
        await up.until(anna, "sent")
        assert len(mailbox.mails("anna@example.org")) == 1
        async with up.http.get("/readyz") as answer:
            assert answer.status == 200


async def test_what_expires_while_the_mail_server_is_away_is_given_up(
    installation: Callable[..., NotifierSettings], secrets: Secrets
) -> None:
    async with running(installation(smtp_port=free_port()), secrets, with_mail=False) as up:
        anna = uuid4()
        await up.link(anna, "anna@example.org", hours=1 / 3600)
        assert (await up.until(anna, "failed"))["reason"] == "expired"


async def test_what_was_revoked_while_the_notifier_was_away_is_not_sent_when_it_is_back(
    installation: Callable[..., NotifierSettings], secrets: Secrets, mail: Any
) -> None:
    settings, to, anna = installation(smtp_port=free_port()), f"anna-{uuid4().hex[:6]}@example.org", uuid4()
    async with running(settings, secrets, with_mail=False) as away:
        link = await away.link(anna, to)
        await away.until(anna, "queued")
        away.task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await away.task
    async with running(
        installation(), secrets, with_mail=False
    ) as portal:  # whose keys are others': revoking needs none
        portal.settings.topic_prefix = settings.topic_prefix
        portal._versions[f"link-{link}"] = 1
        await portal.revoke(anna, link)
    settings.smtp_port = mail.smtp_port
    async with running(settings, secrets) as back:
        assert (await back.until(anna, "failed"))["reason"] == "revoked"
    assert mail.mails(to) == []


async def test_killed_between_acceptance_and_record_it_is_sent_again_under_the_same_message_id(
    installation: Callable[..., NotifierSettings], secrets: Secrets, mail: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, to = installation(smtp_port=mail.smtp_port), f"anna-{uuid4().hex[:6]}@example.org"
    anna = uuid4()
    async with running(settings, secrets) as first:
        reached = asyncio.Event()

        async def killed(*_: Any) -> None:
            reached.set()
            await asyncio.Event().wait()

        monkeypatch.setattr(first.notifier.sender, "_record", killed)
        monkeypatch.setattr("notifier.sending.GRACE_SECONDS", 0.0)
        await first.link(anna, to)
        await asyncio.wait_for(reached.wait(), 20)
        assert len(mail.mails(to)) == 1
        first.task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await first.task
    async with running(settings, secrets) as second:
        await second.until(anna, "sent", attempts=2)
        await asyncio.sleep(1.2)
        assert await second.types(anna) == ["MailQueued", "MailAccepted"]
    arrived = mail.mails(to)
    assert len(arrived) == 2
    assert len({one["message_id"] for one in arrived}) == 1
    assert arrived[0]["text"] == arrived[1]["text"]


async def test_two_notifiers_share_the_queue_and_send_each_mail_once(
    installation: Callable[..., NotifierSettings], secrets: Secrets, mail: Any
) -> None:
    settings, mark = installation(smtp_port=mail.smtp_port, mail_lease_seconds=20.0), uuid4().hex[:6]
    people = [uuid4() for _ in range(25)]
    async with running(settings, secrets) as one, running(settings, secrets):
        await asyncio.gather(*(one.link(who, f"p{n}-{mark}@example.org") for n, who in enumerate(people)))
        for who in people:
            await one.until(who, "sent")
    arrived = mail.mails(mark)
    assert len(arrived) == len({m["message_id"] for m in arrived}) == len(people)


async def test_stopped_while_it_sends_it_ends_what_it_began(
    installation: Callable[..., NotifierSettings], secrets: Secrets, mail: Any
) -> None:
    settings, to = installation(smtp_port=mail.smtp_port, mail_lease_seconds=20.0), f"a-{uuid4().hex[:6]}@example.org"
    anna = uuid4()
    async with running(settings, secrets) as first:
        mail.behave("slow", seconds=1.0, recipient=to)
        await first.link(anna, to)
        await first.until(anna, "queued")
        await eventually(lambda: first.notifier.service.pool.fetchval("SELECT count(*) FROM sending"))
        first.task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await first.task
    mail.behave("ok")
    async with running(settings, secrets) as second:
        assert (await second.until(anna, "sent"))["attempts"] == 1
    assert len(mail.mails(to)) == 1
