"""The notifier as others meet it: a link is issued, a mail arrives, whatever the mail server and we ourselves do meanwhile."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import uuid4

import pytest

from notifier.projections.mails import mails
from web.testing import fuzz, somebody

from .conftest import Running


async def test_a_link_is_mailed_once_and_said_to_be_sent(notifier: Running, mail: Any) -> None:
    anna, to = uuid4(), f"anna-{uuid4().hex[:6]}@example.org"
    link = await notifier.link(anna, to, token="s3cret")
    sent = await notifier.until(anna, "sent")
    assert (sent["kind"], sent["language"], sent["attempts"], sent["to"]) == ("access-link", "de", 1, to)
    (arrived,) = mail.mails(to)
    assert arrived["message_id"] == f"<{sent['mail']}@nordlicht.example>"
    assert "https://portal.nordlicht.example/l/s3cret" in arrived["text"]
    assert str(link) not in arrived["text"]
    assert await notifier.types(anna) == ["MailQueued", "MailAccepted"]


async def test_the_mail_speaks_the_language_of_the_link(notifier: Running, mail: Any) -> None:
    anna, to = uuid4(), f"anna-{uuid4().hex[:6]}@example.org"
    await notifier.link(anna, to, language="en")
    assert (await notifier.until(anna, "sent"))["language"] == "en"
    assert mail.mails(to)[0]["text"].startswith("Hello,")


async def test_a_link_that_was_handed_over_otherwise_has_no_mail(notifier: Running) -> None:
    anna = uuid4()
    await notifier.link(anna, None)
    await notifier.link(anna, (to := f"anna-{uuid4().hex[:6]}@example.org"))
    assert [one["to"] for one in (await notifier.until(anna, "sent"), *await notifier.mails(anna))] == [to, to]


async def test_the_same_news_twice_is_one_mail(notifier: Running, mail: Any) -> None:
    anna, to = uuid4(), f"anna-{uuid4().hex[:6]}@example.org"
    link = await notifier.link(anna, to)
    await notifier.until(anna, "sent")
    await notifier.link(anna, to, link=link)
    bea, also = uuid4(), f"bea-{uuid4().hex[:6]}@example.org"
    await notifier.link(bea, also)
    await notifier.until(bea, "sent")
    assert len(mail.mails(to)) == 1
    assert await notifier.types(anna) == ["MailQueued", "MailAccepted"]


async def test_what_the_server_does_not_take_now_is_tried_again(notifier: Running, mail: Any) -> None:
    anna, to = uuid4(), f"anna-{uuid4().hex[:6]}@example.org"
    mail.behave("temporary", times=2, recipient=to)
    await notifier.link(anna, to)
    sent = await notifier.until(anna, "sent")
    assert (sent["attempts"], sent["code"]) == (3, None)
    assert len(mail.mails(to)) == 1
    assert await notifier.types(anna) == ["MailQueued", "MailDelayed", "MailDelayed", "MailAccepted"]


async def test_what_the_server_refuses_for_good_is_given_up_with_its_number(notifier: Running, mail: Any) -> None:
    anna, to = uuid4(), f"anna-{uuid4().hex[:6]}@example.org"
    mail.behave("permanent", recipient=to)
    await notifier.link(anna, to)
    failed = await notifier.until(anna, "failed")
    assert (failed["reason"], failed["code"], failed["attempts"], failed["next_try"]) == ("refused", 550, 1, None)
    assert await notifier.types(anna) == ["MailQueued", "MailFailed"]
    assert mail.mails(to) == []


async def test_an_address_that_is_none_fails_and_holds_nobody_up(notifier: Running, mail: Any) -> None:
    anna, bea, to = uuid4(), uuid4(), f"bea-{uuid4().hex[:6]}@example.org"
    await notifier.link(anna, f"anna@example.org\nBcc: {to}")
    await notifier.link(bea, to)
    assert (await notifier.until(anna, "failed"))["reason"] == "refused"
    await notifier.until(bea, "sent")
    assert len(mail.mails(to)) == 1


@pytest.mark.parametrize("mode", ["drop", "lost-answer"])
async def test_an_answer_that_never_came_means_once_more_under_the_same_message_id(
    notifier: Running, mail: Any, mode: str
) -> None:
    anna, to = uuid4(), f"anna-{uuid4().hex[:6]}@example.org"
    mail.behave(mode, times=1, recipient=to)
    await notifier.link(anna, to)
    await notifier.until(anna, "sent", attempts=2)
    arrived = mail.mails(to)
    assert len(arrived) == (2 if mode == "lost-answer" else 1)
    assert len({one["message_id"] for one in arrived}) == 1


async def test_a_link_that_was_revoked_in_time_is_not_sent(notifier: Running, mail: Any) -> None:
    anna, to = uuid4(), f"anna-{uuid4().hex[:6]}@example.org"
    mail.behave("temporary", recipient=to)
    link = await notifier.link(anna, to)
    await notifier.until(anna, "queued", code=451)
    await notifier.revoke(anna, link)
    failed = await notifier.until(anna, "failed")
    mail.behave("ok")
    assert failed["reason"] == "revoked"
    await asyncio.sleep(0.6)
    assert mail.mails(to) == []


async def test_a_link_whose_time_is_over_is_not_sent(notifier: Running, mail: Any) -> None:
    anna, to = uuid4(), f"anna-{uuid4().hex[:6]}@example.org"
    mail.behave("temporary", recipient=to)
    await notifier.link(anna, to, hours=1 / 3600)
    assert (await notifier.until(anna, "failed"))["reason"] == "expired"
    assert mail.mails(to) == []


async def test_whoever_is_erased_gets_no_mail_and_the_record_says_why(notifier: Running, mail: Any) -> None:
    anna, to = uuid4(), f"anna-{uuid4().hex[:6]}@example.org"
    mail.behave("temporary", recipient=to)
    await notifier.link(anna, to)
    await notifier.until(anna, "queued", code=451)
    await notifier.notifier.service.keys.destroy({anna: uuid4()})
    failed = await notifier.until(anna, "failed")
    mail.behave("ok")
    assert (failed["reason"], failed["to"]) == ("erased", None)
    assert mail.mails(to) == []


async def test_a_rebuild_gives_the_same_rows_and_sends_nothing(notifier: Running, mail: Any) -> None:
    for n in range(3):
        await notifier.link(someone := uuid4(), f"n{n}-{uuid4().hex[:6]}@example.org")
        await notifier.until(someone, "sent")
    service = notifier.notifier.service
    before, arrived = await service.reader(mails).select("ORDER BY t.mail"), len(mail.mails())
    assert await service.runners["mails"].rebuild() == len(before)
    await asyncio.sleep(0.6)
    assert await service.reader(mails).select("ORDER BY t.mail") == before
    assert len(mail.mails()) == arrived


async def test_every_answer_is_declared(notifier: Running) -> None:
    header = notifier.secrets.signer.header(somebody("staff", "dpo", "admin", "auditor"))
    await fuzz(str(notifier.http._base_url).rstrip("/"), header, examples=8)
