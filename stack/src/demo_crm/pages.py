"""The CRM's pages: the list, one customer, forms, and what was said to and told by the gateway."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any
from urllib.parse import quote

import jinja2
from aiohttp import web

from demo_crm import forms
from demo_crm.customers import (
    CONSENT_KINDS,
    KINDS,
    LEVELS,
    OWN_FIELDS,
    SELLER,
    TEXT_FIELDS,
    Record,
    Tick,
    line_of,
    name_of,
)  # fmt: skip
from demo_crm.guarding import NoSuchCustomerPage
from demo_crm.sending import Sender
from demo_crm.settings import Settings
from demo_crm.store import Kept, NoSuchCustomer, Store
from demo_crm.streaming import Stream
from demo_crm.words import LANGUAGES, Words, chosen

HERE = files("demo_crm")
PAGES = jinja2.Environment(
    loader=jinja2.FileSystemLoader(str(HERE / "templates")), autoescape=True, trim_blocks=True, lstrip_blocks=True,
)  # fmt: skip
PAGES.globals.update(name_of=name_of, line_of=line_of, consent_kinds=CONSENT_KINDS, languages=LANGUAGES)
STATIC = {"crm.css": "text/css", "crm.js": "text/javascript", "crm.svg": "image/svg+xml"}
COOKIE = "crm_language"
YEAR_SECONDS = 31_536_000
MOST_SHOWN = 100
MOST_BYTES = 200_000

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(slots=True)
class Pages:
    """All pages. ``changed`` tells other open pages of a customer."""

    store: Store
    sender: Sender
    stream: Stream
    settings: Settings
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)

    def routes(self) -> list[web.RouteDef]:
        """Give every address."""
        table: list[tuple[str, str, Handler]] = [
            ("GET", "/", self.list),
            ("GET", "/customers", self.to_list),
            ("GET", "/customers/new", self.new),
            ("POST", "/customers/new", self.admit),
            ("GET", "/customers/{ref}", self.customer),
            ("GET", "/customers/{ref}/edit", self.edit),
            ("POST", "/customers/{ref}/edit", self.change),
            ("POST", "/customers/{ref}/orders", self.add_order),
            ("POST", "/customers/{ref}/notes", self.add_note),
            ("POST", "/customers/{ref}/consents", self.tick),
            ("GET", "/customers/{ref}/delete", self.ask_to_delete),
            ("POST", "/customers/{ref}/delete", self.delete),
            ("GET", "/connection", self.connection),
            ("POST", "/language", self.language),
            ("GET", "/stream", self.listen),
            ("GET", "/static/{name}", self.static),
        ]
        return [web.route(method, path, handler) for method, path, handler in table]

    # Looking

    async def list(self, request: web.Request) -> web.Response:
        return self._page(request, "list.html", customers=self.store.customers())

    async def to_list(self, _request: web.Request) -> web.Response:
        raise web.HTTPSeeOther("/")

    async def customer(self, request: web.Request) -> web.Response:
        return self._show(request, self._kept(request))

    async def edit(self, request: web.Request) -> web.Response:
        kept = self._kept(request)
        return self._form(request, forms.typed_of(kept.fields), kept=kept)

    async def new(self, request: web.Request) -> web.Response:
        return self._form(request, forms.typed_of({}))

    async def ask_to_delete(self, request: web.Request) -> web.Response:
        return self._page(request, "delete.html", kept=self._kept(request), id=uuid.uuid4())

    async def connection(self, request: web.Request) -> web.Response:
        said, told = self.store.said(MOST_SHOWN), self.store.heard(MOST_SHOWN)
        return self._page(request, "connection.html", said=said, told=told)

    # Changing

    async def admit(self, request: web.Request) -> web.Response:
        typed = await _typed(request)
        try:
            fields = forms.fields_of(typed)
        except forms.Unfit as unfit:
            return self._form(request, typed, faults=unfit.faults, status=422)
        fields = {name: value for name, value in fields.items() if value is not None}
        ref = self.store.admit(_id(typed), fields, self._now(), SELLER)
        return self._done(ref)

    async def change(self, request: web.Request) -> web.Response:
        kept = self._kept(request)
        typed = await _typed(request)
        try:
            fields = forms.fields_of(typed, kept.fields)
        except forms.Unfit as unfit:
            return self._form(request, typed, kept=kept, faults=unfit.faults, status=422)
        self.store.change(_id(typed), kept.ref, fields, self._now(), SELLER)
        return self._done(kept.ref)

    async def add_order(self, request: web.Request) -> web.Response:
        return await self._add(request, lambda typed, id: forms.order_of(typed, f"B-{id[:8]}", self.clock().date()))

    async def add_note(self, request: web.Request) -> web.Response:
        return await self._add(
            request, lambda typed, id: forms.note_of(typed, f"N-{id[:8]}", SELLER, self.clock().date())
        )

    async def _add(self, request: web.Request, read: Callable[[forms.Typed, str], Record]) -> web.Response:
        kept = self._kept(request)
        typed = await _typed(request)
        id = _id(typed)
        try:
            record = read(typed, id)
        except forms.Unfit as unfit:
            return self._show(request, kept, typed=typed, faults=unfit.faults, status=422)
        self.store.add_record(id, kept.ref, record, self._now(), SELLER)
        return self._done(kept.ref)

    async def tick(self, request: web.Request) -> web.Response:
        kept = self._kept(request)
        typed = await _typed(request)
        kind, state, evidence = typed.get("kind", ""), typed.get("state", ""), typed.get("evidence", "").strip()
        if kind not in CONSENT_KINDS or state not in ("given", "withdrawn") or len(evidence) > forms.MOST_CHARACTERS:
            raise web.HTTPUnprocessableEntity
        tick = Tick(kind, state, self._now(), evidence or None if state == "given" else None)
        self.store.tick(_id(typed), kept.ref, tick, SELLER)
        return self._done(kept.ref)

    async def delete(self, request: web.Request) -> web.Response:
        kept = self._kept(request)
        self.store.delete(_id(await _typed(request)), kept.ref, self._now(), SELLER)
        return self._done(kept.ref, then="/")

    async def language(self, request: web.Request) -> web.Response:
        typed = await _typed(request)
        back = typed.get("back", "/")
        response = web.HTTPSeeOther(back if back.startswith("/") and not back.startswith(("//", "/\\")) else "/")
        if typed.get("to") in LANGUAGES:
            response.set_cookie(COOKIE, typed["to"], max_age=YEAR_SECONDS, httponly=True, samesite="Lax")
        raise response

    # What pages are made of

    async def listen(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "X-Accel-Buffering": "no"})
        await response.prepare(request)
        try:
            async for piece in self.stream.listen():
                await response.write(piece)
        except ConnectionError:  # the page was closed
            pass
        return response

    async def static(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        if name not in STATIC:
            raise web.HTTPNotFound
        text = (HERE / "static" / name).read_text(encoding="utf-8")
        return web.Response(text=text, content_type=STATIC[name], headers={"Cache-Control": "no-cache"})

    def explain(self, request: web.Request, status: int, sentence: str) -> web.Response:
        """Make the page of something that went wrong."""
        return self._page(request, "problem.html", status=status, sentence=sentence)

    def _kept(self, request: web.Request) -> Kept:
        try:
            return self.store.customer(request.match_info["ref"])
        except NoSuchCustomer:
            raise NoSuchCustomerPage from None

    def _done(self, ref: str, then: str | None = None) -> web.Response:
        self.sender.wake()
        self.stream.tell(ref)
        raise web.HTTPSeeOther(then or _address(ref))

    def _show(
        self,
        request: web.Request,
        kept: Kept,
        *,
        typed: forms.Typed | None = None,
        faults: Mapping[str, str] | None = None,
        status: int = 200,
    ) -> web.Response:
        refused = [row for row in self.store.said(20, kept.ref) if row["state"] == "refused"]
        return self._page(
            request, "customer.html", status=status, kept=kept, typed=typed or {}, faults=faults or {}, refused=refused,
            records={kind: [one for one in kept.records if one.kind == kind] for kind in KINDS},
            actionpad=f"{self.settings.console_url}/actionpad?crm_ref={quote(kept.ref)}" if self.settings.console_url else "",
            ids=[uuid.uuid4() for _ in range(3)], text_fields=TEXT_FIELDS, own_fields=OWN_FIELDS,
        )  # fmt: skip

    def _form(
        self,
        request: web.Request,
        typed: forms.Typed,
        *,
        kept: Kept | None = None,
        faults: Mapping[str, str] | None = None,
        status: int = 200,
    ) -> web.Response:
        return self._page(
            request, "form.html", status=status, kept=kept, typed=typed, faults=faults or {}, id=typed.get("id") or uuid.uuid4(),
            text_fields=TEXT_FIELDS, own_fields=OWN_FIELDS, address_parts=forms.ADDRESS_PARTS, dates=forms.DATES, levels=LEVELS,
        )  # fmt: skip

    def _page(self, request: web.Request, template: str, *, status: int = 200, **values: Any) -> web.Response:
        words = Words(
            chosen(request.cookies.get(COOKIE), request.headers.get("Accept-Language", "")), self.settings.time_zone
        )
        text = PAGES.get_template(template).render(
            _=words, words=words, here=request.path, address=_address, waiting=self.store.count_waiting(),
            away=self.sender.fault is not None, **values,
        )  # fmt: skip
        headers = {"Content-Language": words.language, "Vary": "Accept-Language, Cookie"}
        return web.Response(text=text, content_type="text/html", status=status, headers=headers)

    def _now(self) -> str:
        return self.clock().isoformat()


def _address(ref: str) -> str:
    return f"/customers/{quote(ref, safe='')}"


async def _typed(request: web.Request) -> dict[str, str]:
    return {name: value.replace("\0", "") for name, value in (await request.post()).items() if isinstance(value, str)}


def _id(typed: forms.Typed) -> str:
    """The id of the form, so that pressing twice is once; a form without one is new."""
    try:
        return str(uuid.UUID(typed.get("id", "")))
    except ValueError:
        return str(uuid.uuid4())
