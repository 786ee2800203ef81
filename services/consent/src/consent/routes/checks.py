"""May this be done on this person's consent? The door of whoever is about to send something."""

from __future__ import annotations

from typing import Final
from uuid import UUID

import msgspec
from aiohttp import web as http
from multidict import CIMultiDict
from pydantic import BaseModel, ConfigDict, JsonValue, model_validator

from consent.routes.parts import Parts
from consent.verdict import Verdict
from events.catalogue.crm import CrmRef
from events.catalogue.vocabulary import Slug
from web.api import API_HEADERS, Call, Routes
from web.reading import JSON

AS_JSON: Final = CIMultiDict({"Content-Type": JSON, **API_HEADERS})
ENCODER: Final = msgspec.json.Encoder()
WHO_MAY_CHECK = ("staff", "crm", "admin", "dpo")


ONE_OF_BOTH: Final[list[JsonValue]] = [
    {"required": [named], "properties": {named: {"type": "string"}, other: {"type": "null"}}}
    for named, other in (("crm_ref", "subject_id"), ("subject_id", "crm_ref"))
]
"""How the document says that the person is named in one of two ways."""


class CheckQuery(BaseModel):
    """Whom and what a check is about."""

    subject_id: UUID
    kind: Slug


class CheckBody(BaseModel):
    """Whom and what a check is about; the person by our id or by the CRM's."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"oneOf": ONE_OF_BOTH})

    crm_ref: CrmRef | None = None
    subject_id: UUID | None = None
    kind: Slug

    @model_validator(mode="after")
    def _one_of_both(self) -> CheckBody:
        if (self.crm_ref is None) == (self.subject_id is None):
            raise ValueError("give either crm_ref or subject_id")
        return self


def checks(parts: Parts) -> Routes:
    """Declare the routes."""
    routes = Routes()
    checking = parts.checking

    @routes.get("/v1/consents/check", query=CheckQuery, answer=Verdict, roles=WHO_MAY_CHECK, hot=True)
    async def check_consent(call: Call[None, CheckQuery]) -> http.Response:
        """Check whether a consent allows something now.

        The answer is no wherever nothing says yes, and names the event that decides. It is never older than a withdrawal
        that was acknowledged.
        """
        return _answer(await checking.check(call.query.subject_id, call.query.kind))

    @routes.post("/v1/consents/check", body=CheckBody, answer=Verdict, roles=WHO_MAY_CHECK, command=False, hot=True)
    async def check_consent_by_ref(call: Call[CheckBody]) -> http.Response:
        """Check whether a consent allows something now, the person named as the CRM does.

        The reference stands in the body, since addresses are logged by many.
        """
        asked = call.body
        subject = asked.subject_id or await checking.person(asked.crm_ref or "")
        if subject is None:
            known = asked.kind in parts.offer.kinds
            return _answer(Verdict(False, "unknown-person" if known else "unknown-kind", asked.kind))
        return _answer(await checking.check(subject, asked.kind))

    return routes


def _answer(verdict: Verdict) -> http.Response:
    # The hot path: msgspec writes this ten times as fast as pydantic, which only describes it.
    return http.Response(body=ENCODER.encode(verdict), headers=AS_JSON)
