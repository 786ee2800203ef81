"""The kitchen sink: an application that shows every component, for the tests of the look. Nothing of it is shipped."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Literal

from aiohttp import web as http
from jinja2 import FileSystemLoader
from pydantic import BaseModel, Field, field_validator
from pydantic_core import PydanticCustomError

from web.forms import Form
from web.languages import Languages
from web.pages import Look, Pages
from web.serving import application

AT = datetime(2026, 11, 24, 13, 5, tzinfo=UTC)


class Correction(BaseModel):
    name: Annotated[str, Field(max_length=40)]
    mail: Annotated[str, Field(max_length=100)]
    born: date | None = None
    country: Literal["de", "at"]
    how: Literal["letter", "phone", "person"]
    topics: list[Literal["a", "b"]] = []
    note: str = ""
    sure: bool = False

    @field_validator("mail")
    @classmethod
    def _mail(cls, typed: str) -> str:
        if "@" not in typed:
            raise PydanticCustomError("no_mail", "This does not fit. Check it and enter it again.")
        return typed


FORM = Form(
    "correction",
    Correction,
    says={"how:missing": "Choose one of the options."},
    labels={"name": "Your name", "country": "Country"},
)


def kitchen(look: Look | None = None) -> http.Application:
    """Build the application."""
    languages = Languages(default="en")
    templates = FileSystemLoader(Path(__file__).parent / "kitchen")
    pages = Pages("web", languages, look or Look(), service_name="Your data", templates=templates)
    app = application("kitchen", problem_page=pages.problem)
    pages.add_to(app)
    acted: list[str] = []

    def shows(template: str, **values: object) -> None:
        async def show(request: http.Request) -> http.Response:
            return pages.render(request, template, at=AT, **values)

        app.router.add_get("/" + template.removesuffix(".html").replace("home", ""), show)

    for template in ("home.html", "done.html", "desk.html", "panel.html"):
        shows(template)

    async def ask(request: http.Request) -> http.Response:
        return pages.render(
            request, "form.html", form=FORM.blank(request, {"name": "Erika", "born": date(1984, 3, 27)})
        )

    async def act(request: http.Request) -> http.Response:
        filled = await FORM.read(request)
        if filled.value is None:
            return pages.render(request, "form.html", status=422, form=filled)
        acted.append(f"{filled.command_id} {filled.value.name} {filled.value.born}")
        raise http.HTTPSeeOther("/done")

    async def status(_request: http.Request) -> http.Response:
        return http.Response(text="<p data-final>In effect since 14:05.</p>", content_type="text/html")

    async def crash(_request: http.Request) -> http.Response:
        raise RuntimeError("erika@example.org")

    app.router.add_get("/form", ask)
    app.router.add_post("/form", act)
    app.router.add_get("/status", status)
    app.router.add_get("/crash", crash)
    return app
