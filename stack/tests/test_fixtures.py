"""The servers that other packages' tests rely on."""

import asyncio
import smtplib
from email.message import EmailMessage

import asyncpg
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic


async def test_every_call_for_a_database_gives_an_empty_one(database):
    first, second = database(), database()
    assert first != second
    connection = await asyncpg.connect(first)
    assert await connection.fetchval("SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace") == 0
    await connection.close()


async def test_a_record_comes_back_from_the_broker(kafka, topic):
    name = topic()
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap)
    await admin.start()
    await admin.create_topics([NewTopic(name, 1, 1)])
    await admin.close()
    async with AIOKafkaProducer(bootstrap_servers=kafka.bootstrap, acks="all") as producer:
        await producer.send_and_wait(name, b"hello")
    async with AIOKafkaConsumer(name, bootstrap_servers=kafka.bootstrap, auto_offset_reset="earliest") as consumer:
        record = await asyncio.wait_for(consumer.getone(), 10)
    assert record.value == b"hello"


def send(mail, to, subject="Hello"):
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "us@example.org", to, subject
    message["Message-ID"] = f"<{subject}@example.org>"
    message.set_content("Grüße: http://localhost/l/abc.")
    message.add_alternative("<p>Grüße</p>", subtype="html")
    with smtplib.SMTP("127.0.0.1", mail.smtp_port, timeout=5) as client:
        client.send_message(message)


def test_a_mail_that_was_sent_stands_in_the_mailbox(mail):
    send(mail, "erika@example.org")
    (found,) = mail.wait_for("erika@example.org")
    assert found["subject"] == "Hello"
    assert "Grüße" in found["text"]
    assert "<p>Grüße</p>" in found["html"]


def test_a_mail_server_may_refuse_for_now_for_good_or_lose_its_answer(mail):
    mail.behave("temporary", times=1)
    with pytest.raises(smtplib.SMTPDataError) as refused:
        send(mail, "temporary@example.org")
    assert refused.value.smtp_code == 451
    send(mail, "temporary@example.org", "second-try")

    mail.behave("permanent", recipient="permanent@example.org")
    with pytest.raises(smtplib.SMTPDataError) as refused:
        send(mail, "permanent@example.org")
    assert refused.value.smtp_code == 550
    send(mail, "other@example.org")

    mail.behave("drop")
    with pytest.raises(smtplib.SMTPServerDisconnected):
        send(mail, "dropped@example.org")
    assert mail.mails("dropped@example.org") == []

    mail.behave("lost-answer", times=1)
    with pytest.raises(smtplib.SMTPServerDisconnected):
        send(mail, "lost-answer@example.org")
    assert len(mail.mails("lost-answer@example.org")) == 1
