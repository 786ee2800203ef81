"""The walk: sign in, find a customer, see them, send the access link, see that it went out."""

from __future__ import annotations

from .conftest import Desk
from .fakes import ERIKA


async def test_staff_find_a_customer_and_send_the_access_link(desk: Desk) -> None:
    desk.fakes.stands("newsletter", "given")
    anna = await desk.signed_in("anna")
    await anna.get("/")
    html = await anna.send("/", q="erika muster")
    assert f'href="/persons/{ERIKA}"' in html
    await anna.get("/actionpad?crm_ref=K-225")
    assert anna.place == f"/actionpad/{ERIKA}"
    html = await anna.get(anna.place)
    assert "Erika Mustermann" in html
    assert "Newsletter by e-mail" in html
    await anna.get(f"/actionpad/{ERIKA}/links/new")
    await anna.send(
        f"/actionpad/{ERIKA}/links/new",
        "",
        to="erika.mustermann@example.org",
        language="de",
        hours="72",
        reason="asked-by-telephone",
    )
    assert anna.status == 303, anna.html
    html = await anna.get(anna.place)
    assert "On its way" in html
    desk.fakes.mail("sent")
    html = await anna.get(f"/actionpad/{ERIKA}/links/{desk.fakes.links[0]['link']}/status")
    assert "data-final" in html
    who = {(identity.account, *identity.roles) for *_, identity, _ in desk.fakes.heard}
    assert who == {("anna", "staff")}
