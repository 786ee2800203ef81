"""Signing in with built-in accounts, and the ways in which others have got in elsewhere."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from console.main import build
from console.settings import Settings, Unusable
from console.signing_in.local import Accounts, Limits
from web.limits import Limit

from .conftest import PASSWORD, Desk, hashed
from .fakes import ERIKA

WRONG = "Account and password do not fit"


async def test_a_wrong_password_and_an_unknown_account_look_the_same(desk: Desk) -> None:
    visitor = await desk.visitor()
    told = []
    for account in ("anna", "nobody"):
        await visitor.get("/sign-in")
        html = await visitor.send("/sign-in", account=account, password="wrong")
        assert visitor.status == 422
        assert WRONG in html
        assert not any("desk=" in cookie for cookie in visitor.cookies)
        told.append(html.count("error"))
    assert told[0] == told[1]
    assert "wrong" not in visitor.html.replace("wrong-", "").replace('"field wrong"', "")


async def test_a_machine_account_does_not_sign_in(desk: Desk) -> None:
    visitor = await desk.visitor()
    await visitor.get("/sign-in")
    assert WRONG in await visitor.send("/sign-in", account="crm", password=PASSWORD)


@pytest.mark.parametrize("which", ["address", "account"])
async def test_guessing_is_slowed_down(make_desk: Any, which: str) -> None:
    wide = Limit(burst=1000, per_minute=1000)
    narrow = Limit(burst=3, per_minute=1)
    desk = await make_desk(limits=Limits(narrow, wide) if which == "address" else Limits(wide, narrow))
    visitor = await desk.visitor()
    for n in range(3):
        await visitor.get("/sign-in")
        await visitor.send("/sign-in", account="anna", password=f"guess {n}")
    await visitor.get("/sign-in")
    html = await visitor.send("/sign-in", account="anna", password=PASSWORD)
    assert visitor.status == 429
    assert "Too many attempts" in html


async def test_a_session_that_somebody_planted_is_not_taken_over(desk: Desk) -> None:
    planted = "planted-by-somebody-else-0123456789"
    visitor = await desk.visitor()
    visitor.jar.update_cookies({"desk": planted})
    await visitor.get("/sign-in")
    await visitor.send("/sign-in", account="anna", password=PASSWORD)
    new = [cookie for cookie in visitor.cookies if cookie.startswith("desk=")]
    assert len(new) == 1
    assert planted not in new[0]
    other = await desk.visitor(Cookie=f"desk={planted}")
    await other.get("/")
    assert other.status == 401


async def test_signing_in_again_ends_the_session_before(desk: Desk) -> None:
    anna = await desk.signed_in("anna")
    before = next(cookie.value for cookie in anna.jar if cookie.key == "desk")
    await anna.get("/sign-in")
    await anna.send("/sign-in", account="dora", password=PASSWORD)
    assert anna.status == 303
    html = await anna.get("/")
    assert "Dora Dietz" in html
    thief = await desk.visitor(Cookie=f"desk={before}")
    await thief.get("/")
    assert thief.status == 401


async def test_a_form_of_another_site_signs_nobody_in(desk: Desk) -> None:
    visitor = await desk.visitor()
    await visitor.post("/sign-in", {"account": "anna", "password": PASSWORD})
    assert visitor.status == 403
    await visitor.get("/sign-in")
    fields = {**visitor.hidden("/sign-in"), "account": "anna", "password": PASSWORD}
    await visitor.post("/sign-in", fields, headers={"Sec-Fetch-Site": "cross-site"})
    assert visitor.status == 403
    stranger = await desk.visitor()
    await stranger.get("/sign-in")
    await stranger.post("/sign-in", fields)
    assert stranger.status == 403


@pytest.mark.parametrize(
    "path",
    [
        "/sign-out",
        f"/persons/{ERIKA}/links/new",
        f"/persons/{ERIKA}/consents/newsletter/give",
        f"/persons/{ERIKA}/consents/newsletter/withdraw",
        "/",
        "/search",
    ],
)
async def test_every_form_needs_its_own_token(desk: Desk, path: str) -> None:
    anna = await desk.signed_in("anna")
    await anna.post(path, {"to": "erika.mustermann@example.org", "q": "erika"})
    assert anna.status == 403
    await anna.get("/")
    if path not in {"/", "/search"}:
        await anna.post(path, anna.hidden("/"))
        assert anna.status == 403, "the token of another form"
    assert not [one for one in desk.fakes.heard if one[0] != "GET" and not one[1].endswith("/looks")]


@pytest.mark.parametrize(
    "wanted",
    [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example/",
        "\\\\evil.example",
        "javascript:alert(1)",
        "/\t/evil.example",
        "/persons\r\nSet-Cookie: a=b",
        "evil.example",
        "",
    ],
)
async def test_signing_in_leads_to_no_other_site(desk: Desk, wanted: str) -> None:
    visitor = await desk.visitor()
    await visitor.get("/sign-in")
    await visitor.send("/sign-in", account="anna", password=PASSWORD, wanted=wanted)
    assert visitor.status == 303
    assert visitor.place == "/"


async def test_after_signing_in_one_is_where_one_wanted_to_be(desk: Desk) -> None:
    visitor = await desk.visitor()
    await visitor.get("/actionpad?crm_ref=K-225")
    assert visitor.status == 401
    assert visitor.place == "", "no address carries another one"
    await visitor.send("/sign-in", account="anna", password=PASSWORD)
    assert visitor.place == "/actionpad?crm_ref=K-225"


class Hands:
    def __init__(self) -> None:
        self.now = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


async def test_a_session_ends_when_idle_and_in_any_case(make_desk: Any) -> None:
    clock = Hands()
    desk = await make_desk(clock=clock)
    anna = await desk.signed_in("anna")
    clock.now += timedelta(minutes=29)
    await anna.get("/")
    assert anna.status == 200
    clock.now += timedelta(minutes=31)
    html = await anna.get("/")
    assert anna.status == 401
    assert "Your session has ended" in html
    anna = await desk.signed_in("anna")
    for _ in range(30):
        clock.now += timedelta(minutes=20)
        await anna.get("/")
    assert anna.status == 401, "ten hours are over"


async def test_signing_out_ends_the_session_and_what_it_remembered(desk: Desk) -> None:
    anna = await desk.signed_in("anna")
    await anna.get("/")
    await anna.send("/", q="erika")
    cookie = next(cookie.value for cookie in anna.jar if cookie.key == "desk")
    await anna.send("/sign-out")
    assert anna.place == "/sign-in"
    again = await desk.visitor(Cookie=f"desk={cookie}")
    await again.get("/")
    assert again.status == 401
    anna = await desk.signed_in("anna")
    assert "Mustermann" not in await anna.get("/")


async def test_the_cookie_is_for_https_and_frames_where_it_is_told_so(make_desk: Any) -> None:
    desk = await make_desk()
    anna = await desk.signed_in("anna")
    (plain,) = [cookie for cookie in anna.cookies if cookie.startswith("desk=")]
    assert "HttpOnly" in plain
    assert "SameSite=Lax" in plain
    desk = await make_desk(console_url="https://desk.example", other_sites_frames=True)
    visitor = await desk.visitor()
    html = await visitor.get("/sign-in")
    visit = next(cookie for cookie in visitor.cookies if cookie.startswith("visit="))
    assert "Secure" in visit
    assert visitor.headers["Strict-Transport-Security"]
    secret = visit.split(";")[0].split("=", 1)[1]
    fields = {**visitor.hidden("/sign-in"), "account": "anna", "password": PASSWORD}
    await visitor.post("/sign-in", fields, headers={"Cookie": f"visit={secret}"})
    (safe,) = [cookie for cookie in visitor.cookies if cookie.startswith("__Host-desk=")]
    for part in ("Secure", "HttpOnly", "SameSite=None", "Partitioned", "Path=/"):
        assert part in safe
    assert html


async def test_a_window_hands_its_session_over_once(desk: Desk) -> None:
    anna = await desk.signed_in("anna")
    word = (await anna.get("/signed-in")).split('data-word="')[1].split('"')[0]
    frame = await desk.visitor()
    sent = {"data": json.dumps({"word": word}), "allow_redirects": False}
    kind = {"Content-Type": "application/json"}
    for site, status in (
        ("cross-site", 403),
        ("same-site", 403),
        ("", 403),
        ("same-origin", 204),
        ("same-origin", 401),
    ):
        headers = {**kind, "Sec-Fetch-Site": site} if site else kind
        async with frame.session.post("/session", headers=headers, **sent) as answer:
            assert answer.status == status, site
    await frame.get("/")
    assert frame.status == 200


async def test_a_word_is_good_for_a_minute(make_desk: Any) -> None:
    clock = Hands()
    desk = await make_desk(clock=clock)
    anna = await desk.signed_in("anna")
    word = (await anna.get("/signed-in")).split('data-word="')[1].split('"')[0]
    clock.now += timedelta(seconds=61)
    frame = await desk.visitor()
    headers = {"Content-Type": "application/json", "Sec-Fetch-Site": "same-origin"}
    async with frame.session.post("/session", headers=headers, data=json.dumps({"word": word})) as answer:
        assert answer.status == 401


def test_a_console_where_nobody_could_sign_in_does_not_start(settings: Callable[..., Settings], tmp_path: Path) -> None:
    with pytest.raises(Unusable, match="Nobody could sign in"):
        build(settings(local_sign_in=None))
    with pytest.raises(Unusable, match="cannot be read"):
        build(settings(local_sign_in=tmp_path / "missing"))
    (tmp_path / "damaged").write_text("{")
    with pytest.raises(Unusable, match="is not"):
        build(settings(local_sign_in=tmp_path / "damaged"))
    with pytest.raises(Unusable, match="https"):
        build(settings(other_sites_frames=True))
    with pytest.raises(Unusable, match="OIDC_CLIENT_ID"):
        build(settings(oidc_issuer="https://id.example"))
    with pytest.raises(Unusable, match="must begin with https"):
        build(settings(oidc_issuer="http://id.example", oidc_client_id="desk"))


async def test_a_password_that_was_changed_counts_at_once(tmp_path: Path) -> None:
    def write(password: str) -> None:
        one = {"account": "eva", "name": "Eva", "roles": ["staff", "crm", "owner"], "scrypt": hashed(password)}
        (tmp_path / "accounts").write_text(json.dumps({"accounts": [one]}))

    write("first")
    accounts = Accounts(tmp_path / "accounts")
    eva = await accounts.find("eva", "first")
    assert eva is not None
    assert eva.roles == {"staff"}
    write("second")
    import os

    os.utime(tmp_path / "accounts", (1, 1))
    assert await accounts.find("eva", "first") is None
    assert await accounts.find("eva", "second") is not None
