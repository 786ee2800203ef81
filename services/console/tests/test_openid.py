"""Signing in with OpenID Connect, against a small real provider that can be told to misbehave."""

from __future__ import annotations

import base64
import hashlib
import html
import re
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from aiohttp import web as http
from joserfc import jwt
from joserfc.jwk import RSAKey

from web.serving import Runner, start

from .conftest import PASSWORD, Desk, Visitor

CLIENT, SECRET = "desk", "s3cret/ with:colon"


def _key() -> RSAKey:
    return RSAKey.generate_key(2048, {"use": "sig", "alg": "RS256"}, auto_kid=True)


KEY, OTHER_KEY = _key(), _key()


@dataclass
class Provider:
    """Discovery, keys and tokens as OpenID Connect Core says; whoever is sent there is signed in at once."""

    url: str = ""
    claims: dict[str, Any] = field(default_factory=dict)
    key: RSAKey = field(default_factory=lambda: KEY)
    header: dict[str, Any] = field(default_factory=dict)
    raw: str = ""
    issuer: str = ""
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    published: list[RSAKey] = field(default_factory=lambda: [KEY])

    def app(self) -> http.Application:
        app = http.Application()
        app.router.add_get("/.well-known/openid-configuration", self._discovery)
        app.router.add_get("/keys", self._keys)
        app.router.add_post("/token", self._token)
        return app

    async def _discovery(self, _request: http.Request) -> http.Response:
        return http.json_response(
            {
                "issuer": self.issuer or self.url,
                "authorization_endpoint": self.url + "/authorize?tenant=1",
                "token_endpoint": self.url + "/token",
                "jwks_uri": self.url + "/keys",
                "id_token_signing_alg_values_supported": ["none", "HS256", "RS256"],
            }
        )

    async def _keys(self, _request: http.Request) -> http.Response:
        return http.json_response({"keys": [key.as_dict(private=False) for key in self.published]})

    def authorize(self, address: str) -> str:
        """Sign somebody in, as the page behind this address would, and give where the browser goes then."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        assert asked["response_type"] == "code"
        assert asked["code_challenge_method"] == "S256"
        code = f"code-{len(self.codes)}"
        self.codes[code] = asked
        return f"{urlsplit(asked['redirect_uri']).path}?code={code}&state={asked['state']}"

    async def _token(self, request: http.Request) -> http.Response:
        form = await request.post()
        user, _, password = base64.b64decode(request.headers["Authorization"].split()[1]).decode().partition(":")
        assert (user, password) == (CLIENT, "s3cret%2F+with%3Acolon")
        asked = self.codes.pop(str(form["code"]), None)
        if asked is None or asked["redirect_uri"] != form["redirect_uri"]:
            return http.json_response({"error": "invalid_grant"}, status=400)
        digest = hashlib.sha256(str(form["code_verifier"]).encode()).digest()
        if base64.urlsafe_b64encode(digest).rstrip(b"=").decode() != asked["code_challenge"]:
            return http.json_response({"error": "invalid_grant"}, status=400)
        now = int(time.time())
        claims = {
            "iss": self.url,
            "sub": "u-4711",
            "aud": CLIENT,
            "exp": now + 300,
            "iat": now,
            "nonce": asked["nonce"],
            "name": "Olga Ostermann",
            "realm_access": {"roles": ["GDPR-Desk", "other"]},
            **self.claims,
        }
        token = self.raw or jwt.encode({"alg": "RS256", "kid": self.key.kid, **self.header}, claims, self.key)
        return http.json_response({"id_token": token, "access_token": "a", "token_type": "Bearer"})


@pytest.fixture
async def provider() -> AsyncIterator[Provider]:
    made = Provider()
    runner: Runner = await start(made.app(), "127.0.0.1", 0, grace=1.0)
    made.url = f"http://127.0.0.1:{runner.port}"
    yield made
    await runner.cleanup()


@pytest.fixture
async def company(make_desk: Any, provider: Provider) -> Desk:
    desk: Desk = await make_desk(
        oidc_issuer=provider.url,
        oidc_client_id=CLIENT,
        oidc_client_secret=SECRET,
        oidc_roles_claim="realm_access.roles",
        oidc_roles={"GDPR-Desk": "staff", "GDPR-Machine": "crm"},
    )
    return desk


async def leave(visitor: Visitor, path: str = "/") -> str:
    """Go as far as the provider, and give the address of its page."""
    await visitor.get(path)
    page = await visitor.send("/sign-in/company")
    assert visitor.status == 200
    (address,) = re.findall(r'http-equiv="refresh" content="0; url=([^"]+)"', page)
    return html.unescape(address)


async def sign_in(desk: Desk, provider: Provider, path: str = "/") -> Visitor:
    visitor = await desk.visitor()
    await visitor.get(provider.authorize(await leave(visitor, path)))
    return visitor


async def test_whoever_the_company_knows_signs_in(company: Desk, provider: Provider) -> None:
    olga = await sign_in(company, provider, "/kinds")
    assert olga.status == 303
    assert olga.place == "/kinds"
    assert "Olga Ostermann" in await olga.get("/kinds")
    who = company.fakes.heard[-1][2]
    assert (who.account, who.name, who.roles) == ("u-4711", "Olga Ostermann", {"staff"})


async def test_the_provider_learns_nothing_of_where_one_wanted_to_go(company: Desk) -> None:
    visitor = await company.visitor()
    address = await leave(visitor, "/actionpad?crm_ref=K-225".replace("/actionpad", "/kinds"))
    assert "K-225" not in address


BAD_CLAIMS: list[tuple[str, dict[str, Any]]] = [
    ("another issuer", {"iss": "https://evil.example"}),
    ("another audience", {"aud": "other"}),
    ("several audiences and no authorized party", {"aud": [CLIENT, "other"]}),
    ("another authorized party", {"azp": "other"}),
    ("expired", {"exp": int(time.time()) - 600}),
    ("without an end", {"exp": None}),
    ("from the future", {"iat": int(time.time()) + 3600}),
    ("another nonce", {"nonce": "replayed"}),
    ("a nonce in other letters", {"nonce": "wiederholt, für Zoë"}),
    ("no account", {"sub": ""}),
    ("an account that is none", {"sub": 7}),
    ("an account that is too long", {"sub": "x" * 129}),
]


@pytest.mark.parametrize(("why", "claims"), BAD_CLAIMS, ids=[why for why, _ in BAD_CLAIMS])
async def test_a_token_that_does_not_fit_is_refused(
    company: Desk, provider: Provider, why: str, claims: dict[str, Any]
) -> None:
    provider.claims = claims
    visitor = await sign_in(company, provider)
    assert visitor.status == 403, why
    assert "did not confirm who you are" in visitor.html
    await visitor.get("/")
    assert visitor.status == 401


async def test_a_token_of_another_key_is_refused(company: Desk, provider: Provider) -> None:
    provider.key = OTHER_KEY
    assert (await sign_in(company, provider)).status == 403


async def test_a_key_that_was_changed_is_fetched(company: Desk, provider: Provider) -> None:
    assert (await sign_in(company, provider)).status == 303
    provider.key, provider.published = OTHER_KEY, [OTHER_KEY]
    assert (await sign_in(company, provider)).status == 303


@pytest.mark.parametrize("alg", ["none", "HS256"])
async def test_an_unsigned_token_is_refused(company: Desk, provider: Provider, alg: str) -> None:
    def part(text: str) -> str:
        return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()

    now = int(time.time())
    claims = f'{{"iss":"{provider.url}","sub":"u","aud":"desk","exp":{now + 60},"iat":{now}}}'
    header = f'{{"alg":"{alg}"}}'
    provider.raw = f"{part(header)}.{part(claims)}."
    assert (await sign_in(company, provider)).status == 403


async def test_somebody_without_a_role_is_told_so(company: Desk, provider: Provider) -> None:
    for roles in ([], ["staff"], ["GDPR-Machine"], "other"):
        provider.claims = {"realm_access": {"roles": roles}}
        visitor = await sign_in(company, provider)
        assert visitor.status == 403
        assert "no role at this desk" in visitor.html


async def test_nobody_is_signed_in_with_somebody_elses_answer(company: Desk, provider: Provider) -> None:
    attacker, victim = await company.visitor(), await company.visitor()
    answer = provider.authorize(await leave(attacker))
    await victim.get(answer)
    assert victim.status == 403
    await leave(victim)
    await victim.get(answer)
    assert victim.status == 403


async def test_an_answer_counts_once(company: Desk, provider: Provider) -> None:
    visitor = await company.visitor()
    answer = provider.authorize(await leave(visitor))
    await visitor.get(answer)
    assert visitor.status == 303
    await visitor.get(answer)
    assert visitor.status == 403


@pytest.mark.parametrize(
    "answer",
    ["", "?error=access_denied&state={state}", "?code=x&state=y", "?code=x&state={state}&iss=https://evil.example"],
)
async def test_an_answer_that_is_none_is_refused(company: Desk, answer: str) -> None:
    visitor = await company.visitor()
    state = parse_qs(urlsplit(await leave(visitor)).query)["state"][0]
    await visitor.get("/sign-in/answer" + answer.format(state=state))
    assert visitor.status == 403


async def test_a_provider_that_speaks_for_another_is_refused(company: Desk, provider: Provider) -> None:
    provider.issuer = "https://other.example"
    visitor = await company.visitor()
    await visitor.get("/")
    await visitor.send("/sign-in/company")
    assert visitor.status == 403


async def test_a_provider_that_is_away_is_said(make_desk: Any) -> None:
    desk = await make_desk(oidc_issuer="http://127.0.0.1:1", oidc_client_id=CLIENT)
    visitor = await desk.visitor()
    await visitor.get("/")
    page = await visitor.send("/sign-in/company")
    assert visitor.status == 503
    assert "sign-in is not reachable" in page


async def test_passwords_are_off_where_the_company_signs_in(company: Desk) -> None:
    visitor = await company.visitor()
    page = await visitor.get("/sign-in")
    assert 'type="password"' not in page
    page = await visitor.post("/sign-in", {"account": "anna", "password": PASSWORD})
    assert visitor.status == 403
    assert "Signing in with a password is switched off here" in page


async def test_in_the_crms_frame_a_window_signs_in(company: Desk, provider: Provider) -> None:
    frame = await company.visitor()
    page = await frame.get("/actionpad?crm_ref=K-225")
    assert frame.status == 401
    assert 'href="/sign-in/window" target="gdpr-sign-in"' in page
    window = await sign_in(company, provider, "/sign-in/window")
    assert window.place == "/signed-in"
    assert "data-word=" in await window.get("/signed-in")
