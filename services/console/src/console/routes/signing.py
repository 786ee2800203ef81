"""Signing in and out. The page asks at the address that was wanted, and leads there: no address ever carries another one."""

from __future__ import annotations

from typing import Annotated

from aiohttp import web as http
from pydantic import BaseModel, StringConstraints

from console.desk import SIGN_OUT, Desk, Served, is_panel
from console.roles import places
from console.signing_in.local import Accounts, Limits
from console.signing_in.openid import OpenId
from events.runtime.logging import logger
from web.catalogues import N_
from web.forms import Filled, Form
from web.identity import Identity
from web.limits import address_of
from web.problems import Problem
from web.sessions import session_of

log = logger(__name__)


class SignIn(BaseModel):
    """What is typed to sign in."""

    account: Annotated[str, StringConstraints(max_length=128)]
    password: Annotated[str, StringConstraints(max_length=256)]
    wanted: Annotated[str, StringConstraints(max_length=2000)] = "/"


class Wanted(BaseModel):
    """Where whoever signs in wants to be."""

    wanted: Annotated[str, StringConstraints(max_length=2000)] = "/"


COMPANY = Form("company-sign-in", Wanted)
BOUND = "sign-in"
ANSWERED = "/sign-in/answer"
FORM = Form("sign-in", SignIn, labels={"account": N_("Account"), "password": N_("Password")})


async def ask(desk: Desk, request: http.Request) -> http.StreamResponse:
    """Ask whoever has not signed in to do so; afterwards they are where they wanted to be."""
    ended = desk.sessions.cookie in request.cookies
    form = FORM.blank(request, {"wanted": request.path_qs})
    return sign_in_page(desk, request, form, status=401, ended=ended)


def sign_in_page(
    desk: Desk, request: http.Request, form: Filled[SignIn], *, status: int, ended: bool = False
) -> http.Response:
    """Render the page that asks to sign in, in the way that this console is set up for."""
    return desk.page(
        request,
        "sign-in.html",
        status=status,
        form=form,
        ended=ended,
        openid=bool(desk.settings.oidc_issuer),
        company=COMPANY.blank(request, {"wanted": form.typed("wanted")}),
        in_window=is_panel(request) and (bool(desk.settings.oidc_issuer) or desk.settings.other_sites_frames),
    )


def is_local(wanted: str) -> str:
    """Give the address if it is one of ours, else the beginning."""
    fine = wanted.startswith("/") and not wanted.startswith(("//", "/\\", "/sign-")) and wanted.isprintable()
    return wanted if fine and "\\" not in wanted else "/"


async def begin(desk: Desk, request: http.Request, member: Identity, wanted: str) -> http.Response:
    """Begin the session of a member who has proved who they are: with a new cookie, whatever the browser had before."""
    response = http.Response(status=303, headers={"Location": is_local(wanted)})
    if old := session_of(request):
        desk.visits.forget(old)
        await desk.sessions.end(request, response)
        response.cookies.clear()
    await desk.sessions.begin(response, owner=member.account, data={"name": member.name, "roles": sorted(member.roles)})
    log.info("signed in", account=member.account, roles=sorted(member.roles))
    return response


def add_to(app: http.Application, desk: Desk, accounts: Accounts | None, openid: OpenId | None, limits: Limits) -> None:
    """Hang the pages of signing in and out into the application."""

    async def show(request: http.Request) -> http.StreamResponse:
        return sign_in_page(desk, request, FORM.blank(request, {"wanted": "/"}), status=200)

    async def sign_out(request: http.Request) -> http.StreamResponse:
        await SIGN_OUT.read(request)
        response = http.Response(status=303, headers={"Location": "/sign-in"})
        if session := session_of(request):
            desk.visits.forget(session)
        await desk.sessions.end(request, response)
        return response

    app.router.add_get("/sign-in", show)
    app.router.add_post("/sign-in", _with_password(desk, accounts, limits))
    app.router.add_post("/sign-out", sign_out)
    if openid is not None:
        _with_company(app, desk, openid, limits)


def _with_password(desk: Desk, accounts: Accounts | None, limits: Limits) -> Served:
    async def sign_in(request: http.Request) -> http.StreamResponse:
        if accounts is None:
            raise Problem(
                "local-sign-in-off",
                N_("Signing in with a password is switched off here: use your company's sign-in."),
                status=403,
            )
        filled = await FORM.read(request)
        if filled.value is None:
            return sign_in_page(desk, request, filled, status=422)
        said = filled.value
        address = address_of(request, proxies=desk.settings.proxies)
        if limits.address.wait(address) or limits.account.wait(said.account):
            log.warning("too many sign-ins")
            filled.refuse("", N_("Too many attempts. Wait a minute, then try again."))
            return sign_in_page(desk, request, filled, status=429)
        member = await accounts.find(said.account, said.password)
        if member is None or not places(member):
            log.warning("sign-in refused")
            filled.refuse("account", N_("Account and password do not fit. Check both and try again."))
            return sign_in_page(desk, request, filled, status=422)
        return await begin(desk, request, member, said.wanted)

    return sign_in


def _with_company(app: http.Application, desk: Desk, openid: OpenId, limits: Limits) -> None:
    async def leave(request: http.Request) -> http.StreamResponse:
        """Lead to the provider: by a page, since a form may be sent to nobody but us."""
        filled = await COMPANY.read(request)
        if limits.address.wait(address_of(request, proxies=desk.settings.proxies)):
            raise Problem("too-many", N_("Too many attempts. Wait a minute, then try again."), status=429)
        begun = await openid.begin(is_local(filled.value.wanted if filled.value else "/"))
        page = desk.page(request, "company.html", address=begun.address)
        page.set_cookie(
            BOUND, begun.cookie, max_age=600, path=ANSWERED, httponly=True, secure=desk.settings.https, samesite="Lax"
        )
        return page

    async def answered(request: http.Request) -> http.StreamResponse:
        member, wanted = await openid.finish(request.query, request.cookies.get(BOUND, ""))
        response = await begin(desk, request, member, wanted)
        response.del_cookie(BOUND, path=ANSWERED)
        return response

    app.router.add_post("/sign-in/company", leave)
    app.router.add_get(ANSWERED, answered)
