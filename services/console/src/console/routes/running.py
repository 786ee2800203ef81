"""What runs behind the desk: read models and their lag, messages in quarantine, and what is on its way to the CRM."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Annotated, Literal
from uuid import UUID

from aiohttp import web as http
from pydantic import BaseModel, StringConstraints

from console.answers import Kind, Outcome, Post, Quarantined, ReadModels, RefusedByCrm
from console.calling import Refusal, Unreachable, part
from console.desk import Asked, Desk, Nothing
from console.words import refused
from web.catalogues import N_
from web.forms import Form
from web.problems import Problem

ID = "{id:[0-9a-f-]{36}}"


class Which(BaseModel):
    """A read model of a service."""

    service: Annotated[str, StringConstraints(max_length=40)]
    name: Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]{1,63}$")]


class Decide(BaseModel):
    """What becomes of a message, and why."""

    what: Literal["retry", "discard"]
    reason: Annotated[str, StringConstraints(min_length=3, max_length=500)]


REBUILD = Form("rebuild", Which)
RETRY_POST = Form("retry-post", Nothing)
DECIDE = Form(
    "decide-quarantine",
    Decide,
    says={"what": N_("Say what is to become of it."), "reason:missing": N_("Say why. It is kept with the message.")},
    labels={"reason": N_("Reason")},
)


def add_to(app: http.Application, desk: Desk) -> None:
    """Hang the pages into the application."""
    _read_models(app, desk)
    _quarantine(app, desk)
    _deliveries(app, desk)

    @desk.opens("see-kinds")
    async def kinds(asked: Asked) -> http.Response:
        return asked.page("kinds.html", kinds=await desk.calls.get(asked.member, "consent", "/v1/kinds", list[Kind]))

    app.router.add_get("/kinds", kinds)


def _read_models(app: http.Application, desk: Desk) -> None:
    async def gathered(asked: Asked) -> list[tuple[str, ReadModels | None]]:
        names = desk.calls.services
        answers = await asyncio.gather(
            *(part(desk.calls.get(asked.member, name, "/ops/projections", ReadModels)) for name in names)
        )
        return list(zip(names, answers, strict=True))

    @desk.opens("see-read-models")
    async def listed(asked: Asked) -> http.Response:
        services = await gathered(asked)
        return asked.page(
            "read-models.html", services=services, sum=_summed(services), form=REBUILD.blank(asked.request)
        )

    @desk.opens("see-read-models", fragment=True)
    async def status(asked: Asked) -> http.Response:
        return asked.page("read-models-status.html", sum=_summed(await gathered(asked)))

    @desk.opens("rebuild-read-model")
    async def rebuild(asked: Asked) -> http.Response:
        filled = await REBUILD.read(asked.request)
        said = filled.value
        if said is None or said.service not in desk.calls.services:
            raise Problem("unknown-projection", N_("There is no such read model."), status=404)
        await desk.calls.post(asked.member, said.service, f"/ops/projections/{said.name}/rebuild", None)
        raise http.HTTPSeeOther("/read-models")

    app.router.add_get("/read-models", listed)
    app.router.add_get("/read-models/status", status)
    app.router.add_post("/read-models/rebuild", rebuild)


def _summed(services: Sequence[tuple[str, ReadModels | None]]) -> dict[str, int]:
    models = [one for _, told in services if told for one in told.projections]
    return {
        "down": sum(told is None for _, told in services),
        "halted": sum(one.state == "halted" for one in models),
        "rebuilding": sum(one.rebuilding for one in models),
        "lag": sum(one.lag for one in models),
    }


def _quarantine(app: http.Application, desk: Desk) -> None:
    @desk.opens("see-quarantine")
    async def listed(asked: Asked) -> http.Response:
        shown = asked.request.query.get("state", "open")
        state = shown if shown in {"open", "taken", "discarded"} else "open"
        entries = await desk.calls.get(asked.member, "crm-gateway", "/v1/quarantine", list[Quarantined], state=state)
        return asked.page("quarantine.html", entries=entries, state=state, done=asked.request.query.get("done", ""))

    async def one(asked: Asked) -> Quarantined:
        wanted = UUID(asked.request.match_info["id"])
        entries = await desk.calls.get(
            asked.member, "crm-gateway", "/v1/quarantine", list[Quarantined], state="open", limit=1000
        )
        for entry in entries:
            if entry.id == wanted:
                return entry
        raise Problem("not-open", N_("It has been decided already. The list shows what is open."), status=404)

    @desk.opens("decide-quarantine")
    async def ask(asked: Asked) -> http.Response:
        return asked.page("quarantined.html", entry=await one(asked), form=DECIDE.blank(asked.request), outcome=None)

    @desk.opens("decide-quarantine")
    async def decide(asked: Asked) -> http.Response:
        filled = await DECIDE.read(asked.request)
        entry = await one(asked)
        said, outcome, status = filled.value, None, 422
        if said is not None:
            way = "retries" if said.what == "retry" else "discards"
            try:
                outcome = await desk.calls.post(
                    asked.member,
                    "crm-gateway",
                    f"/v1/quarantine/{entry.id}/{way}",
                    Outcome if said.what == "retry" else None,
                    {"reason": said.reason},
                )
            except Refusal as error:
                filled.refuse("", refused(error))
            except Unreachable:
                status = 503
                filled.refuse(
                    "", N_("The customers' records are not reachable at the moment. Send the form again shortly.")
                )
            else:
                if outcome is None or outcome.status != "refused":
                    raise http.HTTPSeeOther(f"/quarantine?done={'taken' if outcome else 'discarded'}")
                filled.refuse("", N_("It was refused again; what is wrong stands below."))
        return asked.page("quarantined.html", status=status, entry=entry, form=filled, outcome=outcome)

    app.router.add_get("/quarantine", listed)
    app.router.add_get(f"/quarantine/{ID}", ask)
    app.router.add_post(f"/quarantine/{ID}", decide)


def _deliveries(app: http.Application, desk: Desk) -> None:
    @desk.opens("see-deliveries")
    async def listed(asked: Asked) -> http.Response:
        waiting, delivered, not_taken = await asyncio.gather(
            desk.calls.get(asked.member, "crm-gateway", "/v1/crm/webhooks", list[Post], state="open"),
            desk.calls.get(asked.member, "crm-gateway", "/v1/crm/webhooks", list[Post], state="delivered", limit=20),
            desk.calls.get(asked.member, "crm-gateway", "/v1/crm/refusals", list[RefusedByCrm]),
        )
        posts = {"waiting": waiting, "delivered": delivered, "refused": not_taken}
        return asked.page("deliveries.html", form=RETRY_POST.blank(asked.request), **posts)

    @desk.opens("retry-delivery")
    async def retry(asked: Asked) -> http.Response:
        await RETRY_POST.read(asked.request)
        message = UUID(asked.request.match_info["id"])
        await desk.calls.post(asked.member, "crm-gateway", f"/v1/crm/webhooks/{message}/retries", None)
        raise http.HTTPSeeOther("/deliveries")

    app.router.add_get("/deliveries", listed)
    app.router.add_post(f"/deliveries/{ID}/retry", retry)
