"""Pages of portal and console: one layout, one set of components, one stylesheet, in the company's name and colours.

A page is ready without a script and with one stylesheet. Nothing is loaded from elsewhere, nothing personal is cached.
"""

from __future__ import annotations

import hashlib
import mimetypes
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any
from urllib.parse import urlencode

from aiohttp import web as http
from jinja2 import BaseLoader, ChoiceLoader, Environment, PackageLoader, StrictUndefined
from pydantic import BaseModel, Field

from web.catalogues import N_
from web.forgery import remember_visit
from web.languages import LANGUAGE, PARAMETER, Language, Languages
from web.problems import Problem
from web.theme import stylesheet

FOR_EVER = "public, max-age=31536000, immutable"

TITLES: Mapping[int, str] = {
    400: N_("This address cannot be read"),
    401: N_("Please sign in"),
    403: N_("This is not open to you"),
    404: N_("There is nothing at this address"),
    405: N_("There is nothing at this address"),
    409: N_("This is not possible now"),
    410: N_("This link is no longer open"),
    413: N_("This is too much at once"),
    415: N_("This cannot be read"),
    422: N_("Something in it does not fit"),
    429: N_("Too many attempts in a short time"),
    500: N_("Something went wrong on our side"),
    503: N_("We cannot be reached at the moment"),
}
ADVICE: Mapping[int, str] = {
    400: N_("Check the address, or go back and try again."),
    401: N_("Your session has ended. Sign in again to go on."),
    403: N_("Go back, open the page again and try once more."),
    404: N_("Check the address, or open the link from your mail again."),
    405: N_("Check the address, or open the link from your mail again."),
    409: N_("Go back and look at what has changed in the meantime."),
    410: N_("Ask for a new link; it is sent to the address that we know."),
    413: N_("Send less at once, or shorten the text."),
    415: N_("Go back and send the form again."),
    422: N_("Go back and check what was entered."),
    429: N_("Wait a minute, then try again. Nothing is lost."),
    500: N_("It has been noted. Please try again later."),
    503: N_("Try again in a moment. Nothing is lost, and sending the same form twice does it only once."),
}


class Look(BaseModel):
    """What a company sets: its name, its two colours, its logo (a path that we serve ourselves)."""

    company: str = "Example GmbH"
    accent: str = Field(default="#14595f", pattern=r"^#(?:[0-9a-fA-F]{3}){1,2}$")
    second: str = Field(default="#d9813b", pattern=r"^#(?:[0-9a-fA-F]{3}){1,2}$")
    logo_url: str = Field(default="", pattern=r"^(?:/[^/\\].*)?$")


class Pages:
    """Renders the pages of a package: templates from its ``templates`` folder, on the shared layout and components."""

    def __init__(
        self,
        package: str,
        languages: Languages,
        look: Look,
        *,
        public_url: str = "",
        frame_ancestors: Sequence[str] = (),
        service_name: str = "",
        templates: BaseLoader | None = None,
    ) -> None:
        """Prepare the pages of a package; ``templates`` are looked for before its own."""
        self._languages = languages
        self._look = look
        self._public_url = public_url.rstrip("/")
        self._https = public_url.startswith("https://")
        self._ancestors = tuple(frame_ancestors)
        self._assets: dict[str, tuple[str, bytes]] = {}
        self._urls: dict[str, str] = {}
        css = stylesheet((files("web") / "static" / "gdpr.css").read_text("utf-8"), look.accent, look.second)
        self._add_asset("gdpr.css", css.encode())
        for folder in dict.fromkeys(("web", package)):
            self._add_assets(files(folder) / "static")
        packages = [PackageLoader(name) for name in dict.fromkeys((package, "web"))]
        loader = ChoiceLoader([*([templates] if templates else []), *packages])
        self._environments = {
            language.code: self._environment(loader, language, service_name) for language in languages
        }

    def _environment(self, loader: BaseLoader, language: Language, service_name: str) -> Environment:
        environment = Environment(
            loader=loader,
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            extensions=["jinja2.ext.i18n"],
        )
        environment.install_gettext_translations(language.translations, newstyle=True)  # type: ignore[attr-defined]
        environment.globals |= {
            "language": language,
            "languages": list(self._languages),
            "look": self._look,
            "asset": self.asset,
            "service_name": service_name,
        }
        environment.filters |= {
            "date": language.date,
            "moment": language.moment,
            "time": language.time,
            "ago": language.ago,
            "number": language.number,
            "iso": _iso,
        }
        return environment

    def _add_assets(self, folder: Traversable) -> None:
        if folder.is_dir():
            for file in folder.iterdir():
                if file.is_file() and file.name not in self._urls:
                    self._add_asset(file.name, file.read_bytes())

    def _add_asset(self, name: str, content: bytes) -> None:
        stem, _, ending = name.rpartition(".")
        url = f"/static/{stem}.{hashlib.sha256(content).hexdigest()[:12]}.{ending}"
        self._urls[name] = url
        self._assets[url] = (mimetypes.guess_type(name)[0] or "application/octet-stream", content)

    def asset(self, name: str) -> str:
        """Give the address of a static file; it changes with the content, so browsers keep it for ever."""
        return self._urls[name]

    def link(self, path: str, **query: str) -> str:
        """Give an absolute address for mails and the like: from the configured address, never from the Host header."""
        if not path.startswith("/") or path.startswith(("//", "/\\")):
            raise ValueError("a link of ours begins with one slash")
        return self._public_url + path + (f"?{urlencode(query)}" if query else "")

    def add_to(self, app: http.Application) -> None:
        """Serve the static files, and choose a language for each request."""
        app.middlewares.append(self._languages.middleware)
        app.router.add_get("/static/{name}", self._static)

    async def _static(self, request: http.Request) -> http.Response:
        kind, content = self._assets.get(request.path, ("", b""))
        if not kind:
            raise http.HTTPNotFound
        charset = "; charset=utf-8" if kind.startswith("text/") else ""
        return http.Response(body=content, headers={"Content-Type": kind + charset, "Cache-Control": FOR_EVER})

    def render(
        self,
        request: http.Request,
        template: str,
        *,
        status: int = 200,
        framed: bool = False,
        headers: Mapping[str, str] | None = None,
        **values: Any,
    ) -> http.Response:
        """Render a page in the reader's language. ``framed``: the configured origins may show it in a frame."""
        language = request.get(LANGUAGE) or self._languages.negotiate(request)
        page = self._environments[language.code].get_template(template)
        html = page.render(here=_here(request), elsewhere=_elsewhere(request, self._languages), **values)
        response = http.Response(text=html, status=status, content_type="text/html", headers=headers)
        response.headers["Cache-Control"] = "no-store"
        response.headers["Content-Security-Policy"] = self._policy(framed=framed)
        if not (framed and self._ancestors):
            response.headers["X-Frame-Options"] = "DENY"
        remember_visit(request, response, https=self._https)
        return response

    def _policy(self, *, framed: bool) -> str:
        ancestors = " ".join(self._ancestors) if framed and self._ancestors else "'none'"
        return (
            "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; "
            f"form-action 'self'; base-uri 'none'; frame-ancestors {ancestors}"
        )

    def problem(self, request: http.Request, problem: Problem, *, framed: bool = False, **values: Any) -> http.Response:
        """Render a problem as a page: for ``application(problem_page=...)``; ``values`` are for a frame of one's own."""
        language = request.get(LANGUAGE) or self._languages.negotiate(request)
        kind = problem.status if problem.status in TITLES else (500 if problem.status >= 500 else 400)
        own = problem.detail if language.knows(problem.detail) else ""
        return self.render(
            request,
            "problem.html",
            status=problem.status,
            framed=framed,
            headers=problem.headers,
            title=language.say(TITLES[kind]),
            advice=language.say(own or ADVICE[kind]),
            **values,
        )


def _here(request: http.Request) -> str:
    return request.path


def _elsewhere(request: http.Request, languages: Languages) -> dict[str, str]:
    """Give the address of this page in each language; what was asked stays, unless it came by a form."""
    kept = [(key, value) for key, value in request.query.items() if key != PARAMETER] if request.method == "GET" else []
    return {code: "?" + urlencode([*kept, (PARAMETER, code)]) for code in languages.codes}


def _iso(when: date | datetime) -> str:
    """Write a time for the ``datetime`` attribute."""
    return when.astimezone(UTC).isoformat(timespec="seconds") if isinstance(when, datetime) else when.isoformat()
