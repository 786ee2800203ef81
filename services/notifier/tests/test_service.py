"""The notifier as others meet it: a link is issued, a mail arrives, whatever the mail server and we ourselves do meanwhile."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

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
