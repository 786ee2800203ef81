"""The walk: from the CRM's list to a customer who withdraws a consent, and everybody who knows of it a moment later."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass

import pytest
from playwright.async_api import Browser, BrowserContext, Page, expect

from stack.running_stack import RunningStack

from .conftest import Gdpr, accessible, told

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


@dataclass(frozen=True)
class Words:
    """What the pages say, in one language."""

    locale: str
    send: str
    reason: str
    sent: str
    withdraw: str
    agree: str
    withdrawn: str
    agreed: str
    in_effect: str
    no: str
    yes: str


GERMAN = Words(
    locale="de-DE",
    send="Zugangslink senden",
    reason="Telefon",
    sent="angenommen",
    withdraw="Widerrufen",
    agree="Zustimmen",
    withdrawn="Sie haben widerrufen",
    agreed="Sie haben zugestimmt",
    in_effect="Wirksam seit",
    no="nein",
    yes="ja",
)
ENGLISH = Words(
    locale="en-GB",
    send="Send access link",
    reason="Telephone",
    sent="took the mail over",
    withdraw="Withdraw",
    agree="Agree",
    withdrawn="You have withdrawn",
    agreed="You have agreed",
    in_effect="In effect since",
    no="no",
    yes="yes",
)


@dataclass(frozen=True)
class Customer:
    """One of the demo CRM's customers, who has agreed to the newsletter and not to offers."""

    ref: str
    typed: str
    mail: str


@pytest.mark.parametrize(
    ("words", "width", "customer"),
    [
        pytest.param(GERMAN, 390, Customer("K-1001", "muster", "erika.mustermann@example.org"), id="de-390"),
        pytest.param(ENGLISH, 1280, Customer("K-1013", "alasdair.mac", "alasdair.macleod@example.com"), id="en-1280"),
    ],
)
async def test_a_customer_withdraws_and_everybody_knows(
    browser: Browser, running_stack: RunningStack, gdpr: Gdpr, words: Words, width: int, customer: Customer
) -> None:
    desk = await context(browser, 1280, words)
    phone = await context(browser, width, words)

    crm = await desk.new_page()
    await crm.goto(f"{running_stack.url('demo-crm')}/customers/{customer.ref}")
    await accessible(crm)
    list_page = await desk.new_page()
    await list_page.goto(running_stack.url("demo-crm"))
    await accessible(list_page)
    row = list_page.locator(f'tr:has(a[href$="{customer.ref}"])')
    newsletter, offers = (row.locator(f"td[data-kind={kind}]") for kind in ("newsletter", "personal-offers"))
    yes, no = (re.compile(rf"\b{word}\b") for word in (words.yes, words.no))
    await expect(newsletter).to_have_text(yes)
    await expect(offers).not_to_have_text(yes)

    console = await sign_in(desk, running_stack)
    await find(console, customer)
    subject = re.search(r"/persons/([0-9a-f-]{36})", console.url)
    assert subject
    await accessible(console)

    await console.goto(f"{running_stack.url('console')}/actionpad?crm_ref={customer.ref}")
    await accessible(console)
    assert subject[1] in console.url  # the reference of the CRM does not stay in the address
    await console.get_by_role("link", name=words.send).click()
    await accessible(console)
    await console.locator("label", has_text=customer.mail).click()
    await console.locator("label", has_text=words.reason).click()
    await console.get_by_role("button", name=words.send).click()
    await expect(console.get_by_text(words.sent).first).to_be_visible(timeout=20_000)
    await accessible(console)

    (mail,) = await asyncio.to_thread(running_stack.mailbox.wait_for, customer.mail)
    link = re.search(r"http://\S+/l/[\w-]{40,}", mail["text"])
    assert link, mail["text"]
    portal = await phone.new_page()
    await portal.goto(link[0])
    assert portal.url == f"{running_stack.url('subject-access')}/me"
    for path in ("/me", "/me/data", "/me/history", "/me/looks", "/me/consents"):
        await portal.goto(running_stack.url("subject-access") + path)
        await accessible(portal)
    await press(portal, words, "newsletter", words.withdraw, words.withdrawn)
    await portal.goto(running_stack.url("subject-access") + "/me/consents")
    await press(portal, words, "personal-offers", words.agree, words.agreed)

    # Nobody has loaded the CRM's list again.
    await expect(newsletter).to_have_text(no, timeout=10_000)
    await expect(offers).to_have_text(yes, timeout=10_000)

    refused = await asyncio.to_thread(gdpr, "consent", "check", customer.ref, "newsletter", "--json")
    assert refused.returncode == 1, refused.stderr
    verdict = told(refused)
    assert verdict["allowed"] is False
    assert verdict["reason"] == "withdrawn"
    allowed = await asyncio.to_thread(gdpr, "consent", "check", customer.ref, "personal-offers", "--json")
    assert allowed.returncode == 0, allowed.stderr

    history = await asyncio.to_thread(gdpr, "audit", "history", customer.ref, "--json")
    assert history.returncode == 0, history.stderr
    lines = told(history)
    decided = [line for line in lines if line["id"] == verdict["event"]]
    assert [line["type"] for line in decided] == ["ConsentWithdrawn"]
    assert decided[0]["place"]["topic"] == "gdpr.consents"
    assert {"PersonAdmitted", "PersonChanged", "AccessLinkIssued", "MailAccepted", "PortalOpened", "ConsentChosen"} <= {
        line["type"] for line in lines
    }
    await desk.close()
    await phone.close()


async def context(browser: Browser, width: int, words: Words) -> BrowserContext:
    return await browser.new_context(viewport={"width": width, "height": 844}, locale=words.locale)


async def sign_in(desk: BrowserContext, stack: RunningStack) -> Page:
    console = await desk.new_page()
    await console.goto(stack.url("console"))
    await accessible(console)
    await console.fill("input[name=account]", "anna")
    await console.fill("input[name=password]", stack.passwords["anna"])
    await console.press("input[name=password]", "Enter")
    await console.wait_for_selector("input[name=q]")
    return console


async def find(console: Page, customer: Customer) -> None:
    """By the first letters, with the keyboard alone."""
    await console.fill("input[name=q]", customer.typed)
    await expect(console.locator("a[href*='/persons/']").first).to_be_visible()
    await accessible(console)
    await console.keyboard.press("Enter")
    await console.wait_for_url("**/persons/**")


async def press(portal: Page, words: Words, kind: str, button: str, confirmed: str) -> None:
    await portal.locator(f"#{kind}").get_by_role("button", name=button).click()
    await expect(portal.get_by_role("heading", name=confirmed)).to_be_visible()
    await expect(portal.get_by_text(words.in_effect).first).to_be_visible(timeout=15_000)
    await accessible(portal)
