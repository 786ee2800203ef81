"""The mailbox page: safe to look at, whatever a mail holds."""

import json
import smtplib
import urllib.error
import urllib.request
from email.message import EmailMessage

import pytest


@pytest.fixture
def hostile(mail):
    mail.clear()
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "us@example.org", "erika@example.org", "<b>Hallo</b> & Tschüss"
    message.set_content("See http://localhost:1/l/abc?x=1&y=2. <script>alert(1)</script>")
    message.add_alternative(
        "<html><head><title>x</title></head><body><script>alert(1)</script><a href='http://localhost:1/l/abc'>open</a></body></html>",
        subtype="html",
    )
    with smtplib.SMTP("127.0.0.1", mail.smtp_port, timeout=5) as client:
        client.send_message(message)
    return mail.mails()[0]["id"]


def get(mail, path, **headers):
    request = urllib.request.Request(mail.url + path, headers=headers)
    with urllib.request.urlopen(request, timeout=5) as answer:
        return answer.read().decode(), answer.headers


def refused(mail, method, path, data=None, **headers):
    request = urllib.request.Request(mail.url + path, data=data, method=method, headers=headers)
    with pytest.raises(urllib.error.HTTPError) as error:
        urllib.request.urlopen(request, timeout=5)
    error.value.close()
    return error.value.code


def test_the_list_shows_a_subject_as_text(mail, hostile):
    page, headers = get(mail, "/")
    assert "&lt;b&gt;Hallo&lt;/b&gt; &amp; Tschüss" in page
    assert "unsafe-inline" not in headers["Content-Security-Policy"]
    assert "erika@example.org" in page
    assert "No mail to" in get(mail, "/?to=nobody@example.org")[0]


def test_the_text_of_a_mail_is_text_and_its_addresses_are_links(mail, hostile):
    page, _ = get(mail, f"/mails/{hostile}")
    assert "<script>alert" not in page
    assert '<a href="http://localhost:1/l/abc?x=1&amp;y=2" target="_blank" rel="noopener">' in page


def test_the_html_of_a_mail_runs_nothing_and_opens_its_links_elsewhere(mail, hostile):
    page, headers = get(mail, f"/mails/{hostile}/html")
    assert headers["Content-Security-Policy"].startswith("sandbox allow-popups")
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert '<head><base target="_blank">' in page


def test_a_mail_can_be_read_as_it_was_sent(mail, hostile):
    assert "Subject:" in get(mail, f"/mails/{hostile}/raw")[0]
    assert json.loads(get(mail, f"/api/mails/{hostile}")[0])["recipients"] == ["erika@example.org"]


def test_a_foreign_page_cannot_read_or_empty_the_mailbox(mail, hostile):
    assert refused(mail, "GET", "/", Host="evil.example") == 421
    assert refused(mail, "POST", "/clear", b"", Origin="http://evil.example") == 403
    assert len(mail.mails()) == 1


@pytest.mark.parametrize("path", ["/mails/999999", "/mails/99999999999999999999/raw", "/api/mails/0", "/mails/1/none"])
def test_what_is_not_there_is_said(mail, hostile, path):
    assert refused(mail, "GET", path) == 404


@pytest.mark.parametrize("wanted", [b"{}", b"[]", b'{"mode": "rude"}', b"not json"])
def test_an_unknown_behaviour_is_refused(mail, wanted):
    assert refused(mail, "POST", "/api/behaviour", wanted, **{"Content-Type": "application/json"}) == 400


def test_the_mailbox_is_emptied_by_its_button(mail, hostile):
    request = urllib.request.Request(mail.url + "/clear", data=b"", method="POST")
    with urllib.request.urlopen(request, timeout=5) as answer:
        assert "No mail so far" in answer.read().decode()
