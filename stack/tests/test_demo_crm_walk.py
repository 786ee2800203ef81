"""The demo CRM and the real gateway: what is done on either side shows on the other, whoever was away meanwhile."""

import re
import shutil
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request

import pytest

from demo_crm import customers, forms

from .conftest import eventually

pytestmark = pytest.mark.timeout(120)


class Program:
    """The demo CRM as `gdpr up` runs it, against the real gateway."""

    def __init__(self, door):
        self.door, self.url, self.process = door, door.url("demo-crm"), None
        self.log = door.home.log("demo-crm")

    def start(self):
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "demo_crm"], env=self.door.environment("demo-crm"), stdout=log, stderr=log
            )
        eventually(lambda: self.ask("/readyz")[0] == 200)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            assert self.process.wait(timeout=10) == 0

    def ask(self, path, form=None):
        data = None if form is None else urllib.parse.urlencode(form).encode()
        request = urllib.request.Request(self.url + path, data, {"Origin": self.url, "Accept-Language": "en"})
        try:
            with urllib.request.urlopen(request, timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def page(self, path):
        status, page = self.ask(path)
        assert status == 200, page
        return page


@pytest.fixture(scope="module")
def program(door):
    program = Program(door)
    program.start()
    yield program
    program.stop()


def consent_state(page, kind):
    """What the page says of one consent."""
    found = re.search(rf'<li data-kind="{kind}" class="(\w+)', page)
    return found[1] if found else None


@pytest.mark.slow
def test_the_gateway_knows_all_customers_with_what_belongs_to_them(program, gdpr):
    answers = re.findall(r"<code>crm\.[a-z.]+</code></td>\s*<td>([^<]+)</td>", program.page("/connection"))
    assert answers
    assert set(answers) == {"taken"}
    code, person = gdpr("person", "show", "K-1036")
    assert (code, person["display_name"]) == (0, "Katharina Brandstätter")
    assert person["values"]["custom.loyalty_level"] == "gold"
    assert person["values"]["custom.warranty_until"] == "2027-06-01"
    assert len(person["values"]["emails"]) == len(person["values"]["addresses"]) == 2
    assert sorted(record["kind"] for record in person["records"]) == ["note", "order"]
    code, found = gdpr("person", "find", "info@zum-leuchtturm.example")
    assert {one["crm_ref"] for one in found["persons"]} >= {"K-1031", "K-1032"}
    verdict = eventually(lambda: (told := gdpr("consent", "check", "K-1036", "newsletter"))[0] == 0 and told[1])
    assert verdict["strength"] == "documented"


@pytest.mark.slow
def test_what_is_edited_added_and_deleted_here_the_gateway_knows_a_moment_later(program, gdpr):
    typed = forms.typed_of(next(one for one in customers.read() if one.ref == "K-1010").fields)
    assert program.ask("/customers/K-1010/edit", typed | {"loyalty_level": "gold"})[0] == 200
    assert program.ask("/customers/K-1010/orders", {"items": "Lampe Östersund\nBirne", "total": "49,90"})[0] == 200

    def there():
        _, person = gdpr("person", "show", "K-1010")
        orders = [one for one in person["records"] if one["values"].get("total") == 49.9]
        return person["values"]["custom.loyalty_level"] == "gold" and orders

    assert eventually(there)[0]["values"]["items"] == ["Lampe Östersund", "Birne"]
    assert program.ask("/customers/K-1023/delete", {})[0] == 200
    assert program.ask("/customers/K-1023")[0] == 404
    eventually(lambda: gdpr("person", "show", "K-1023")[1]["state"] == "removed")


@pytest.mark.slow
def test_a_withdrawal_elsewhere_shows_here_and_is_confirmed(program, gdpr, door):
    assert consent_state(program.page("/customers/K-1022"), "newsletter") == "yes"
    assert gdpr("consent", "withdraw", "K-1022", "newsletter", "--method", "telephone")[0] == 0
    eventually(lambda: consent_state(program.page("/customers/K-1022"), "newsletter") == "no")
    with door.client() as client:
        eventually(lambda: client.get("crm-gateway", "/v1/crm/webhooks", state="delivered"))
    eventually(lambda: "Everything is sent and answered." in program.page("/"))


@pytest.mark.slow
def test_a_withdrawal_recorded_here_is_a_no_everywhere(program, gdpr):
    eventually(lambda: gdpr("consent", "check", "K-1016", "newsletter")[0] == 0)
    assert program.ask("/customers/K-1016/consents", {"kind": "newsletter", "state": "withdrawn"})[0] == 200
    eventually(lambda: gdpr("consent", "check", "K-1016", "newsletter")[1]["reason"] == "withdrawn")


@pytest.mark.slow
def test_what_happens_while_it_is_dead_it_knows_when_it_is_back(program, gdpr):
    program.kill()
    assert gdpr("consent", "withdraw", "K-1025", "personal-offers", "--method", "paper")[0] == 0
    program.start()
    eventually(lambda: consent_state(program.page("/customers/K-1025"), "personal-offers") == "no")
    eventually(lambda: "Everything is sent and answered." in program.page("/"))


@pytest.mark.slow
def test_an_open_page_changes_without_a_reload(program, gdpr):
    from axe_playwright_python.sync_playwright import Axe
    from playwright.sync_api import expect, sync_playwright

    eventually(lambda: gdpr("consent", "check", "K-1028", "newsletter")[0] == 0)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        faults = []
        forms_too = ("/customers/K-1036/edit", "/customers/K-1036/delete", "/connection")
        for width, language, more in ((390, "de", forms_too), (1280, "en", ())):
            page = browser.new_page(viewport={"width": width, "height": 900}, locale=language)
            page.on("console", lambda said: faults.append(said.text) if said.type == "error" else None)
            for path in (*more, "/customers/K-1028", "/"):
                page.goto(program.url + path)
                assert page.evaluate("document.documentElement.scrollWidth") <= width, path
                found = Axe().run(page, options={"resultTypes": ["violations"], "iframes": False})
                assert [one["id"] for one in found.response["violations"]] == [], path
        page.evaluate("window.untouched = true")
        cell = page.locator('tr[data-customer="K-1028"] td[data-kind="newsletter"]')
        expect(cell).to_contain_text("yes")
        assert gdpr("consent", "withdraw", "K-1028", "newsletter", "--method", "telephone")[0] == 0
        expect(cell).to_contain_text("no", timeout=10_000)
        assert page.evaluate("window.untouched")
        page.get_by_label("Find in this list").fill("bernasc")
        expect(page.locator("tr[data-customer]:visible")).to_have_count(1)
        browser.close()
    assert [one for one in faults if "127.0.0.1" not in one and "ERR_" not in one] == []
