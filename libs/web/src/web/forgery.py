"""Against forged posts: a token in each form, bound to the browser's session, or to its visit before there is one.

The token's key is the cookie's own value, which no other site knows: nothing is stored, and every process can check it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from typing import Final

from aiohttp import web as http

from web.catalogues import N_
from web.problems import Problem
from web.sessions import session_of

VISIT_COOKIE: Final = "visit"
VISIT: Final = http.RequestKey("web-visit", str)
NONCE_BYTES = 16


def outdated() -> Problem:
    """Give the problem of a form that was not made for this browser, or was made long ago."""
    return Problem(
        "form-outdated", N_("The form is out of date. Open the page again and send it once more."), status=403
    )


def form_token(request: http.Request, form: str) -> str:
    """Make the token of a form; where the browser has no session, a visit begins (``remember_visit``)."""
    bound_to = _bound_to(request)
    if not bound_to:
        bound_to = request[VISIT] = secrets.token_urlsafe(24)
    nonce = secrets.token_bytes(NONCE_BYTES)
    return base64.urlsafe_b64encode(nonce + _mac(bound_to, form, nonce)).decode()


def check_form_token(request: http.Request, form: str, token: str) -> None:
    """See that the form was made for this browser. Raises ``Problem`` 403.

    Browsers also say which site a post comes from (``Sec-Fetch-Site``): another site's is refused whatever it carries.
    """
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in {"same-origin", "none"}:
        raise outdated()
    try:
        sent = base64.urlsafe_b64decode(token.encode())
    except ValueError:
        raise outdated() from None
    bound_to = _bound_to(request)
    nonce, mac = sent[:NONCE_BYTES], sent[NONCE_BYTES:]
    if not bound_to or not hmac.compare_digest(mac, _mac(bound_to, form, nonce)):
        raise outdated()


def remember_visit(request: http.Request, response: http.StreamResponse, *, https: bool) -> None:
    """Give the browser the cookie of a visit that began with this page."""
    if visit := request.get(VISIT):
        response.set_cookie(VISIT_COOKIE, visit, path="/", httponly=True, secure=https, samesite="Lax")


def _bound_to(request: http.Request) -> str:
    if session := session_of(request):
        return session.secret
    return request.get(VISIT) or request.cookies.get(VISIT_COOKIE, "")


def _mac(bound_to: str, form: str, nonce: bytes) -> bytes:
    key = hashlib.sha256(bound_to.encode()).digest()
    return hmac.digest(key, f"form:{form}:".encode() + nonce, "sha256")
