"""The services behind the desk, made small: they answer as their OpenAPI documents say, and can be told to be down."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from aiohttp import web as http

from web.identity import Identity, TokenVerifier

NOW = datetime(2026, 11, 24, 13, 5, tzinfo=UTC)
ERIKA, TWIN, GONE = UUID(int=0xE1), UUID(int=0xE2), UUID(int=0xE3)
Handler = Callable[[http.Request], Awaitable[http.StreamResponse]]


def person(subject: UUID, name: str, **more: Any) -> dict[str, Any]:
    first, _, last = name.partition(" ")
    return {
        "subject_id": str(subject),
        "crm_ref": f"K-{subject.int}",
        "display_name": name,
        "emails": [],
        "phones": [],
        "customer_number": None,
        "company": None,
        "state": "present",
        "possible_duplicates": [],
        "values": {"first_name": first, "last_name": last},
        "records": [],
        "first_news": (NOW - timedelta(days=400)).isoformat(),
        "last_change": (NOW - timedelta(days=3)).isoformat(),
        **more,
    }


def persons() -> dict[str, dict[str, Any]]:
    mails = ["erika.mustermann@example.org", "info@nordlicht-handel.example"]
    erika = person(
        ERIKA,
        "Erika Mustermann",
        emails=mails,
        phones=["+49 30 901820"],
        customer_number="KD-10042",
        company="Straßenbau Nord GmbH & Co. KG",
        possible_duplicates=[str(TWIN)],
        values={
            "first_name": "Erika",
            "last_name": "Mustermann",
            "birth_date": "1984-03-27",
            "language": "de",
            "emails": [{"address": mails[0], "label": "privat"}, {"address": mails[1], "label": None}],
            "phones": [{"number": "+49 30 901820", "label": None}],
            "addresses": [{"street": "Heidestraße 17", "postcode": "51147", "city": "Köln", "country": "DE"}],
            "company": "Straßenbau Nord GmbH & Co. KG",
            "customer_number": "KD-10042",
            "custom.shoe_size": 43,
            "custom.vip": True,
        },
        records=[
            {
                "record": str(uuid4()),
                "kind": "order",
                "record_ref": "A-2026-118",
                "state": "present",
                "values": {"placed": "2026-05-02", "total": 129.5, "what": "Regenjacke <b>rot</b>"},
                "first_news": NOW.isoformat(),
                "last_change": NOW.isoformat(),
            }
        ],
    )
    others = [
        erika,
        person(TWIN, "E. Mustermann", emails=mails[1:], possible_duplicates=[str(ERIKA)]),
        person(GONE, "", crm_ref=None, state="erased", values={}),
        *(person(UUID(int=0xF00 + n), f"Jörg Müller-{n}", emails=[f"jm{n}@example.org"]) for n in range(40)),
    ]
    return {one["subject_id"]: one for one in others}


def kind(name: str, german: str, english: str, channel: str) -> dict[str, Any]:
    text = {
        "de": f"Ja, ich möchte {german} erhalten, etwa einmal im Monat. Das kann ich jederzeit widerrufen.",
        "en": f"Yes, I would like {english.lower()}, about once a month. I can withdraw this at any time.",
    }
    return {
        "kind": name,
        "titles": {"de": german, "en": english},
        "purpose": {
            "purpose": "marketing",
            "titles": {"de": "Werbung", "en": "Advertising"},
            "descriptions": {"de": "Angebote, die passen.", "en": "Offers that fit."},
            "legal_basis": "consent",
            "direct_marketing": True,
        },
        "channels": [channel],
        "double_opt_in": channel == "email",
        "validity_days": None,
        "retired": None,
        "wordings": [
            {"version": 1, "texts": {"de": "Ja.", "en": "Yes."}, "published": (NOW - timedelta(days=900)).isoformat()},
            {"version": 2, "texts": text, "published": (NOW - timedelta(days=300)).isoformat()},
        ],
    }


KINDS = [
    kind("newsletter", "Newsletter per E-Mail", "Newsletter by e-mail", "email"),
    kind("telephone", "Anrufe zu Angeboten", "Calls about offers", "telephone"),
    kind("post", "Post", "Letters", "post"),
]

FIELDS = {
    "groups": {
        "who-you-are": {"de": "Zur Person", "en": "About the person"},
        "how-we-reach-you": {"de": "Kontakt", "en": "Contact"},
        "work": {"de": "Beruf und Firma", "en": "Work"},
        "further": {"de": "Weitere Angaben", "en": "Further details"},
    },
    "fields": [
        {"field": name, "type": type_, "group": group, "labels": {"de": de, "en": en}, "state": state, "core": core}
        for name, type_, group, de, en, state, core in (
            ("first_name", "text", "who-you-are", "Vorname", "First name", "described", True),
            ("last_name", "text", "who-you-are", "Nachname", "Last name", "described", True),
            ("birth_date", "date", "who-you-are", "Geburtsdatum", "Date of birth", "described", True),
            ("language", "language", "who-you-are", "Sprache", "Language", "described", True),
            ("emails", "emails", "how-we-reach-you", "E-Mail-Adressen", "E-mail addresses", "described", True),
            ("phones", "phones", "how-we-reach-you", "Telefonnummern", "Telephone numbers", "described", True),
            ("addresses", "addresses", "how-we-reach-you", "Anschriften", "Postal addresses", "described", True),
            ("company", "text", "work", "Firma", "Company", "described", True),
            ("customer_number", "text", "further", "Kundennummer", "Customer number", "described", True),
            ("custom.vip", "yes_no", "further", "Stammkundin", "Regular customer", "described", False),
            ("custom.shoe_size", "number", "further", "Shoe size", "Shoe size", "discovered", False),
            ("order.placed", "date", "further", "Bestellt am", "Placed on", "described", False),
        )
    ],
}

PARTS = {
    "crm-gateway": ("/v1/persons/search", "/v1/persons/by-ref", "/v1/fields", "/v1/quarantine", "/v1/crm"),
    "consent": ("/consents", "/withdrawals", "/v1/kinds"),
    "subject-access": ("/links", "/looks"),
    "notifier": ("/mails",),
    "audit": ("/v1/history",),
}


@dataclass
class Fakes:
    """What the services hold, what they were told, and which of them are down."""

    verifier: TokenVerifier
    persons: dict[str, dict[str, Any]] = field(default_factory=persons)
    states: dict[str, dict[str, Any]] = field(default_factory=dict)
    links: list[dict[str, Any]] = field(default_factory=list)
    mails: list[dict[str, Any]] = field(default_factory=list)
    quarantined: list[dict[str, Any]] = field(default_factory=list)
    posts: list[dict[str, Any]] = field(default_factory=list)
    refusals: list[dict[str, Any]] = field(default_factory=list)
    lines: list[dict[str, Any]] = field(default_factory=list)
    down: set[str] = field(default_factory=set)
    refuse: dict[str, tuple[int, str]] = field(default_factory=dict)
    heard: list[tuple[str, str, Identity, Any]] = field(default_factory=list)
    commands: dict[str, Any] = field(default_factory=dict)

    def told(self, ending: str) -> list[Any]:
        """Give the bodies that were posted to addresses with this ending."""
        return [body for method, path, _, body in self.heard if method != "GET" and path.endswith(ending)]

    def app(self) -> http.Application:
        app = http.Application(middlewares=[self._door()])
        add = app.router.add_route
        add("POST", "/v1/persons/search", self._search)
        add("POST", "/v1/persons/by-ref", self._by_ref)
        add("GET", "/v1/persons/{sid}", self._person)
        add("GET", "/v1/fields", self._json(lambda _r: FIELDS))
        add("PUT", "/v1/fields/{field}", self._json(lambda r: {"field": r.match_info["field"], "changed": True}))
        add("GET", "/v1/quarantine", self._json(lambda _r: self.quarantined))
        add("POST", "/v1/quarantine/{id}/retries", self._json(lambda _r: {"status": "accepted", "events": []}))
        add("POST", "/v1/quarantine/{id}/discards", self._nothing)
        add("GET", "/v1/crm/webhooks", self._json(lambda _r: self.posts))
        add("POST", "/v1/crm/webhooks/{id}/retries", self._nothing)
        add("GET", "/v1/crm/refusals", self._json(lambda _r: self.refusals))
        add("GET", "/v1/kinds", self._json(lambda _r: KINDS))
        add("GET", "/v1/persons/{sid}/consents", self._json(self._held))
        add("GET", "/v1/persons/{sid}/consents/history", self._json(self._history))
        add("POST", "/v1/persons/{sid}/consents", self._record("given"))
        add("POST", "/v1/persons/{sid}/withdrawals", self._record("withdrawn"))
        add("POST", "/v1/persons/{sid}/looks", self._json(lambda _r: {}))
        add("POST", "/v1/persons/{sid}/links", self._issue)
        add("GET", "/v1/persons/{sid}/links", self._json(lambda _r: self.links))
        add("POST", "/v1/links/{link}/revocation", self._revoke)
        add("GET", "/v1/persons/{sid}/mails", self._json(lambda _r: self.mails))
        add("GET", "/v1/history/{sid}", self._ndjson)
        add("GET", "/ops/projections", self._json(self._models))
        add("POST", "/ops/projections/{name}/rebuild", self._json(lambda r: {"name": r.match_info["name"]}))
        return app

    def _door(self) -> Any:
        @http.middleware
        async def door(request: http.Request, handler: Handler) -> http.StreamResponse:
            who = self.verifier.identity(request.headers.get("Authorization"))
            body = await request.json() if request.can_read_body else None
            self.heard.append((request.method, request.path, who, body))
            if self._owner(request.path) in self.down:
                return http.Response(status=503)
            for ending, (status, slug) in self.refuse.items():
                if request.path.endswith(ending) and request.method != "GET":
                    return _problem(status, slug)
            return await handler(request)

        return door

    @staticmethod
    def _owner(path: str) -> str:
        for name, parts in PARTS.items():
            if any(part in path for part in parts):
                return name
        return "crm-gateway"

    @staticmethod
    def _json(give: Callable[[http.Request], Any]) -> Handler:
        async def handler(request: http.Request) -> http.StreamResponse:
            return http.json_response(give(request))

        return handler

    @staticmethod
    async def _nothing(_request: http.Request) -> http.StreamResponse:
        return http.Response(status=204)

    async def _search(self, request: http.Request) -> http.StreamResponse:
        asked = await request.json()
        words = asked["q"].casefold().split()
        found = [
            one
            for one in self.persons.values()
            if all(word in json.dumps(one, ensure_ascii=False).casefold() for word in words)
        ]
        return http.json_response({"persons": found[: asked["limit"]], "more": len(found) > asked["limit"]})

    async def _by_ref(self, request: http.Request) -> http.StreamResponse:
        ref = (await request.json())["crm_ref"]
        found = [one for one in self.persons.values() if one["crm_ref"] == ref]
        return http.json_response(found[0]) if found else _problem(404, "unknown-person")

    async def _person(self, request: http.Request) -> http.StreamResponse:
        found = self.persons.get(request.match_info["sid"])
        return http.json_response(found) if found else _problem(404, "unknown-person")

    def _held(self, _request: http.Request) -> Any:
        consents = []
        for one in KINDS:
            state = self.states.get(one["kind"], {"state": "none", "allowed": False, "reason": "no-consent"})
            consents.append({"kind": one["kind"], "titles": one["titles"], **state})
        return {"subject_id": str(ERIKA), "objection": None, "consents": consents}

    def _history(self, _request: http.Request) -> Any:
        return [
            {
                "event": str(uuid4()),
                "type": "ConsentGiven" if state["state"] == "given" else "ConsentWithdrawn",
                "version": n,
                "occurred": state["since"],
                "recorded": state["since"],
                "by": "staff:anna",
                "data": {"kind": name, "method": state["method"], "evidence": state.get("evidence")},
                "erased": False,
            }
            for n, (name, state) in enumerate(self.states.items(), 1)
        ]

    def stands(self, name: str, state: str, **more: Any) -> None:
        """Let a consent stand."""
        self.states[name] = {
            "state": state,
            "allowed": state == "given",
            "reason": state,
            "since": (NOW - timedelta(days=200)).isoformat(),
            "recorded": (NOW - timedelta(days=200)).isoformat(),
            "method": "telephone",
            "strength": "documented" if state == "given" else None,
            "wording": {"version": 2, "language": "de"},
            "text": KINDS[0]["wordings"][1]["texts"]["de"],
            "event": str(uuid4()),
            **more,
        }

    def _record(self, state: str) -> Handler:
        async def handler(request: http.Request) -> http.StreamResponse:
            said = await request.json()
            key = request.headers["Idempotency-Key"]
            if key not in self.commands:
                self.stands(said["kind"], state, method=said["method"], evidence=said.get("evidence"))
                self.commands[key] = self.states[said["kind"]]["event"]
            return http.json_response({"event": self.commands[key], "state": state, "since": NOW.isoformat()})

        return handler

    async def _issue(self, request: http.Request) -> http.StreamResponse:
        said = await request.json()
        key = request.headers["Idempotency-Key"]
        if key not in self.commands:
            made = {
                "link": str(uuid4()),
                "state": "open",
                "issued": NOW.isoformat(),
                "expires": (NOW + timedelta(hours=said["hours"])).isoformat(),
                "by": "staff:anna",
                "to": said["to"],
                "language": said["language"],
                "reason": said["reason"],
                "opened": None,
                "revoked": None,
            }
            self.links.insert(0, made)
            self.mail("queued")
            self.commands[key] = made
        return http.json_response(self.commands[key], status=201)

    def mail(self, state: str) -> None:
        """Let the last mail fare like this."""
        self.mails[:] = [
            {
                "mail": str(uuid4()),
                "kind": "access-link",
                "language": "de",
                "state": state,
                "at": NOW.isoformat(),
                "queued": NOW.isoformat(),
                "attempts": 1,
            }
        ]

    async def _revoke(self, request: http.Request) -> http.StreamResponse:
        for one in self.links:
            if one["link"] == request.match_info["link"]:
                one |= {"state": "revoked", "revoked": NOW.isoformat()}
                return http.json_response(one)
        return _problem(404, "unknown-link")

    def _models(self, _request: http.Request) -> Any:
        place = {"topic": "gdpr.persons", "partition": 3, "next_offset": 1042, "lag": 7, "halted": None}
        return {
            "projections": [
                {"name": "persons", "state": "serving", "rebuilding": False, "lag": 7, "partitions": [place]},
                {
                    "name": "records",
                    "state": "halted",
                    "rebuilding": False,
                    "lag": 120,
                    "partitions": [{**place, "halted": "gap"}],
                },
            ]
        }

    async def _ndjson(self, request: http.Request) -> http.StreamResponse:
        opened = request.query.get("decrypt") == "true"
        lines = [
            one if opened or "data" not in one else {**one, "data": dict.fromkeys(one["data"], "(sealed)")}
            for one in self.lines
        ]
        text = "".join(json.dumps(one) + "\n" for one in lines)
        return http.Response(text=text, content_type="application/x-ndjson")


def _problem(status: int, slug: str) -> http.Response:
    told = {"type": f"urn:gdpr:problem:{slug}", "title": "", "status": status, "detail": "In English."}
    return http.json_response(told, status=status, content_type="application/problem+json")
