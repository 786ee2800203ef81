"""What stands in a mail, in which language, and that nobody can write into it what is not theirs."""

from __future__ import annotations

import email
import email.policy
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from events.errors import Unreadable
from events.runtime.transport import TransportKey
from notifier.addresses import NoAddress, address
from notifier.composing import SUBJECTS, Composer, Letter, Unwritable
from notifier.projections.mails import MailRow
from notifier.settings import NotifierSettings
from web.languages import check_complete

from .conftest import Secrets

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
LINK = UUID(int=5)
TOKEN = "tOk3n-_" + "x" * 36


def row(secrets: Secrets, **more: Any) -> MailRow:
    given = {
        "mail": UUID(int=1),
        "subject": UUID(int=2),
        "template": "access-link",
        "language": "de",
        "state": "queued",
        "queued": NOW,
        "changed": NOW,
        "attempts": 0,
        "code": None,
        "reason": None,
        "next_try": NOW,
        "not_after": None,
        "message_id": "<1@nordlicht.example>",
        "about": UUID(int=3),
        "to": "anna@example.org",
        "parameters": {
            "link": str(LINK),
            "for_mail": secrets.transport.seal(TOKEN, LINK),
            "expires": (NOW + timedelta(hours=72)).isoformat(),
        },
    }
    return MailRow(**{**given, **more})


def parsed(letter: Letter) -> EmailMessage:
    return email.message_from_bytes(letter.content, _class=EmailMessage, policy=email.policy.default)


def body(mail: EmailMessage, kind: str) -> str:
    part = mail.get_body((kind,))
    assert part is not None
    return str(part.get_content()).replace("\r\n", "\n")


def write(composer: Composer, one: MailRow) -> tuple[Letter, EmailMessage, str, str]:
    letter = composer.compose(one, NOW)
    mail = parsed(letter)
    return letter, mail, body(mail, "plain"), body(mail, "html")


@pytest.fixture(scope="module")
def composer(plain_settings: Callable[..., NotifierSettings]) -> Composer:
    return Composer(plain_settings())


def test_the_german_mail_says_who_and_what_and_until_when_and_that_nothing_need_be_done(
    composer: Composer, secrets: Secrets
) -> None:
    _, mail, text, html = write(composer, row(secrets))
    assert mail["Subject"] == "Ihr Zugang zu Ihren Daten bei Nordlicht Handel GmbH"
    assert text.startswith("Guten Tag,\n")
    for said in (
        "welche Daten bei Nordlicht Handel GmbH über Sie gespeichert sind",
        f"https://portal.nordlicht.example/l/{TOKEN}",
        "27. November 2026, 10:00 Uhr (Mitteleuropäische Normalzeit)",
        "Sie müssen nichts tun.",
    ):
        assert said in text
        assert said in html
    assert '<html lang="de">' in html


def test_the_english_mail_says_the_same(composer: Composer, secrets: Secrets) -> None:
    _, mail, text, html = write(composer, row(secrets, language="en"))
    assert mail["Subject"] == "Your link to your data at Nordlicht Handel GmbH"
    for said in (
        "Hello,",
        "what data Nordlicht Handel GmbH holds about you",
        TOKEN,
        "27 November 2026, 10:00",
        "do not have to",
    ):
        assert said in text
        assert said in html
    assert "Guten" not in text


def test_every_language_is_complete_and_every_kind_has_both_bodies(composer: Composer, secrets: Secrets) -> None:
    check_complete("notifier")
    for template in SUBJECTS:
        for language in ("de", "en", "xx"):
            assert write(composer, row(secrets, template=template, language=language))


def test_a_plain_mail_program_can_read_it(composer: Composer, secrets: Secrets) -> None:
    letter, mail, text, _ = write(composer, row(secrets))
    assert mail.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in mail.iter_parts()] == ["text/plain", "text/html"]
    assert "<" not in text
    assert letter.content.isascii()
    assert max(map(len, letter.content.split(b"\r\n"))) <= 998
    assert b"\n" not in letter.content.replace(b"\r\n", b"")
    lines = text.splitlines()
    assert f"https://portal.nordlicht.example/l/{TOKEN}" in lines, "the address stands alone in its line"


def test_its_headers_say_what_a_mail_server_wants_to_know(composer: Composer, secrets: Secrets) -> None:
    letter, mail, *_ = write(composer, row(secrets))
    assert mail["From"] == "Nordlicht Handel GmbH <datenschutz@nordlicht.example>"
    assert mail["To"] == "anna@example.org"
    assert mail["Message-ID"] == "<1@nordlicht.example>"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Date"].datetime == NOW
    assert (letter.sender, letter.recipient) == ("datenschutz@nordlicht.example", "anna@example.org")


def test_the_second_try_is_the_same_mail(composer: Composer, secrets: Secrets) -> None:
    one, two = (parsed(composer.compose(row(secrets), NOW + timedelta(hours=h))) for h in (0, 1))
    assert one["Message-ID"] == two["Message-ID"]
    assert body(one, "plain") == body(two, "plain")


def test_a_company_is_written_as_it_is_called_and_never_as_markup(
    plain_settings: Callable[..., NotifierSettings], secrets: Secrets
) -> None:
    name = 'Müller & Söhne <b>"100 %(x)s"</b>'
    _, mail, text, html = write(Composer(plain_settings(company_name=name, mail_from="a@b.example")), row(secrets))
    assert name in text
    assert name in mail["Subject"]
    assert "<b>" not in html
    assert "Müller &amp; Söhne &lt;b&gt;" in html


def test_domains_go_out_in_ascii_and_foreign_letters_before_the_at_are_said(
    composer: Composer, secrets: Secrets
) -> None:
    letter, *_ = write(composer, row(secrets, to="anna@müller.example"))
    assert (letter.recipient, letter.international) == ("anna@xn--mller-kva.example", False)
    letter, mail, *_ = write(composer, row(secrets, to="zoë@example.org"))
    assert (letter.recipient, letter.international) == ("zoë@example.org", True)
    assert "zoë@example.org" in str(mail["To"])


@pytest.mark.parametrize(
    "to",
    [
        "",
        "anna",
        "@example.org",
        "anna@",
        "anna@example.org\nBcc: eve@example.org",
        "anna@example.org\r\n\r\nHello",
        "anna@example.org, eve@example.org",
        "anna@example.org eve@example.org",
        '"anna\nBcc: eve"@example.org',
        "Anna <anna@example.org>",
        "anna@exam ple.org",
        "anna@" + "ü" * 80 + ".example",
        "anna@.example",
        "anna@eve@example.org",
        "anna..b@example.org",
        "a" * 300 + "@example.org",
        "anna\x00@example.org",
        "\u202eanna@example.org",
    ],
)
def test_what_is_no_single_address_gets_no_mail(composer: Composer, secrets: Secrets, to: str) -> None:
    with pytest.raises(Unwritable):
        composer.compose(row(secrets, to=to), NOW)


@settings(max_examples=300)
@given(st.text(max_size=60) | st.from_regex(r"[^@]{1,8}@[^@]{1,8}", fullmatch=True))
def test_whatever_is_given_as_an_address_is_one_line_or_refused(text: str) -> None:
    try:
        found = address(text)
    except NoAddress:
        return
    mail = EmailMessage(policy=email.policy.SMTPUTF8)
    mail["To"] = found
    assert len(mail["To"].addresses) == 1
    head = mail.as_bytes().split(b"\r\n\r\n")[0]
    assert [line.split(b":")[0] for line in head.split(b"\r\n") if not line.startswith(b" ")] == [b"To"]


def test_a_kind_that_nobody_knows_is_not_written(composer: Composer, secrets: Secrets) -> None:
    with pytest.raises(Unwritable):
        composer.compose(row(secrets, template="../../etc/passwd"), NOW)


def test_a_link_opens_only_for_the_link_it_was_made_for(composer: Composer, secrets: Secrets) -> None:
    parameters = dict(row(secrets).parameters)  # type: ignore[arg-type]
    with pytest.raises(Unreadable):
        composer.compose(row(secrets, parameters={**parameters, "link": str(uuid4())}), NOW)
    other = TransportKey((bytes(32),)).seal(TOKEN, LINK)
    with pytest.raises(Unreadable):
        composer.compose(row(secrets, parameters={**parameters, "for_mail": other}), NOW)


@pytest.mark.parametrize(
    "wrong",
    [
        {"mail_from": "nobody"},
        {"mail_from": ""},
        {"mail_from": "Eve\nBcc: x@y.example <eve@example.org>"},
        {"mail_from": "a@b.example, c@d.example"},
        {"company_name": "Two\nLines"},
        {"company_name": ""},
        {"portal_url": "portal.example"},
        {"smtp_tls": "yes"},
    ],
)
def test_settings_that_make_no_mail_are_refused_at_the_start(
    plain_settings: Callable[..., NotifierSettings], wrong: dict[str, str]
) -> None:
    with pytest.raises(ValidationError):
        plain_settings(**wrong)
