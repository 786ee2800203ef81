"""The mailbox page of the local mail server, and the same as JSON for tests."""

from __future__ import annotations

import importlib.resources
import json
import re
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, get_args

import jinja2
from aiohttp import web
from markupsafe import Markup, escape

from stack.mailstore import Mail, MailStore

if TYPE_CHECKING:
    from stack.mailserver import Behaviour

FILES = importlib.resources.files("stack") / "mailpages_files"
PAGES = jinja2.Environment(
    loader=jinja2.FileSystemLoader(str(FILES)), autoescape=True, trim_blocks=True, lstrip_blocks=True
)
CAREFUL = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self';"
    " frame-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}
IN_THE_FRAME = {
    **CAREFUL,
    "Content-Security-Policy": "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none';"
    " style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'",
}
"""A mail's HTML runs no script and loads nothing; its links open in a new window."""

LOCAL_NAMES = {"localhost", "127.0.0.1", "[::1]"}
ADDRESS = re.compile(r"https?://[^\s<>\"]+[^\s<>\".,;:!?)\]]")
HEAD = re.compile(r"<head[^>]*>", re.IGNORECASE)
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def routes(store: MailStore, behaviour: Behaviour) -> Sequence[web.AbstractRouteDef]:
    """Every address of the mailbox."""

    async def inbox(request: web.Request) -> web.Response:
        to = request.query.get("to", "")
        mails = store.find(to=to)
        return _page("inbox.html", mails=mails, to=to, behaviour=behaviour.mode, newest=mails[0].id if mails else 0)

    async def one_mail(request: web.Request) -> web.Response:
        mail = _found(store, request)
        return _page("mail.html", mail=mail, text=_with_links(mail.text))

    async def html_of_mail(request: web.Request) -> web.Response:
        html = _found(store, request).html
        base = '<base target="_blank">'
        html = HEAD.sub(lambda head: head[0] + base, html, count=1) if HEAD.search(html) else base + html
        return web.Response(text=html, content_type="text/html", headers=IN_THE_FRAME)

    async def raw_mail(request: web.Request) -> web.Response:
        raw = store.raw(_number(request))
        if raw is None:
            raise web.HTTPNotFound(text="There is no such mail.")
        return web.Response(body=raw, content_type="text/plain", charset="utf-8", headers=CAREFUL)

    async def mails_as_json(request: web.Request) -> web.Response:
        mails = store.find(
            to=request.query.get("to", ""),
            message_id=request.query.get("message_id", ""),
            after=_whole(request.query.get("after", "0")),
            limit=_whole(request.query.get("limit", "200")),
        )
        return _json({"count": store.count(), "mails": [mail.as_json() for mail in mails]})

    async def mail_as_json(request: web.Request) -> web.Response:
        return _json(_found(store, request).as_json())

    async def clear(_: web.Request) -> web.Response:
        return _json({"removed": store.clear()})

    async def clear_by_form(_: web.Request) -> web.Response:
        store.clear()
        raise web.HTTPSeeOther("/")

    async def behaviour_as_json(_: web.Request) -> web.Response:
        return _json(_told(behaviour))

    async def behave(request: web.Request) -> web.Response:
        try:
            wanted = json.loads(await request.read())
        except ValueError:
            raise web.HTTPBadRequest(text="That is not JSON.") from None
        _set(behaviour, wanted)
        return _json(_told(behaviour))

    async def healthy(_: web.Request) -> web.Response:
        return _json({"status": "ok"})

    async def ready(_: web.Request) -> web.Response:
        return _json({"status": "ready", "waits_for": []})

    handlers: list[tuple[str, str, Handler]] = [
        ("GET", "/", inbox),
        ("POST", "/clear", clear_by_form),
        ("GET", r"/mails/{number:\d+}", one_mail),
        ("GET", r"/mails/{number:\d+}/html", html_of_mail),
        ("GET", r"/mails/{number:\d+}/raw", raw_mail),
        ("GET", "/api/mails", mails_as_json),
        ("GET", r"/api/mails/{number:\d+}", mail_as_json),
        ("DELETE", "/api/mails", clear),
        ("GET", "/api/behaviour", behaviour_as_json),
        ("POST", "/api/behaviour", behave),
        ("GET", "/healthz", healthy),
        ("GET", "/readyz", ready),
        ("GET", "/mailbox.css", _file("mailbox.css", "text/css")),
        ("GET", "/mailbox.js", _file("mailbox.js", "text/javascript")),
    ]
    return [web.route(method, path, _only_from_here(handler)) for method, path, handler in handlers]


def _only_from_here(handler: Handler) -> Handler:
    """A foreign page must not read the mailbox by a name that it lets point at this machine (DNS rebinding)."""

    async def guarded(request: web.Request) -> web.StreamResponse:
        name = request.host.rsplit(":", 1)[0] if not request.host.endswith("]") else request.host
        if name not in LOCAL_NAMES:
            raise web.HTTPMisdirectedRequest(text="This mailbox answers only on localhost.")
        origin = request.headers.get("Origin")
        if request.method != "GET" and origin and origin != f"http://{request.host}":
            raise web.HTTPForbidden(text="Only the mailbox page itself may do that.")
        return await handler(request)

    return guarded


def _file(name: str, content_type: str) -> Handler:
    text = (FILES / name).read_text()

    async def serve(_: web.Request) -> web.Response:
        return web.Response(text=text, content_type=content_type, headers=CAREFUL)

    return serve


def _page(template: str, **values: Any) -> web.Response:
    text = PAGES.get_template(template).render(local=_local, **values)
    return web.Response(text=text, content_type="text/html", headers=CAREFUL)


def _local(moment: str) -> str:
    return datetime.fromisoformat(moment).astimezone().strftime("%d %B %Y, %H:%M:%S")


def _json(content: Any) -> web.Response:
    return web.json_response(content, headers=CAREFUL, dumps=lambda value: json.dumps(value, ensure_ascii=False))


def _number(request: web.Request) -> int:
    number = int(request.match_info["number"])
    if number >= 2**63:
        raise web.HTTPNotFound(text="There is no such mail.")
    return number


def _found(store: MailStore, request: web.Request) -> Mail:
    mail = store.get(_number(request))
    if mail is None:
        raise web.HTTPNotFound(text="There is no such mail.")
    return mail


def _with_links(text: str) -> Markup:
    pieces: list[Markup] = []
    last = 0
    for found in ADDRESS.finditer(text):
        pieces.append(escape(text[last : found.start()]))
        pieces.append(Markup('<a href="{0}" target="_blank" rel="noopener">{0}</a>').format(found[0]))
        last = found.end()
    pieces.append(escape(text[last:]))
    return Markup("").join(pieces)


def _whole(value: str) -> int:
    if not value.isdecimal() or len(value) > 12:
        raise web.HTTPBadRequest(text=f"{value!r} is not a whole number.")
    return int(value)


def _told(behaviour: Behaviour) -> dict[str, Any]:
    return {
        "mode": behaviour.mode,
        "seconds": behaviour.seconds,
        "times": behaviour.times,
        "recipient": behaviour.recipient,
    }


def _set(behaviour: Behaviour, wanted: Any) -> None:
    from stack.mailserver import Mode

    modes = get_args(Mode)
    if not isinstance(wanted, dict) or wanted.get("mode") not in modes:
        raise web.HTTPBadRequest(text=f"Give a mode: one of {', '.join(modes)}.")
    times = wanted.get("times")
    behaviour.mode = wanted["mode"]
    behaviour.seconds = float(wanted.get("seconds", 5.0))
    behaviour.times = None if times is None else int(times)
    behaviour.recipient = str(wanted.get("recipient", ""))
