"""The field catalogue: what there is, and an administrator's words for it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from crm_gateway.deciders.field import FIELD, DescribeField
from crm_gateway.describing import FieldCatalogue, catalogue
from events.catalogue.persons import FieldType
from events.catalogue.vocabulary import Language, Slug
from events.runtime.service import Service
from web.api import Call, Routes

Label = Annotated[
    str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True, pattern=r"^[^\x00]*[^\s\x00][^\x00]*$")
]
Labels = Annotated[dict[Language, Label], Field(json_schema_extra={"additionalProperties": False})]


class Which(BaseModel):
    """Which field."""

    field: Slug


class Description(BaseModel):
    """What a field is."""

    model_config = ConfigDict(extra="forbid")

    type: FieldType
    group: Slug = Field(default="further", description="The group that it is shown in; `GET /v1/fields` lists ours.")
    labels: Labels = Field(description="At least `de` and `en`.")
    choices: dict[Label, Labels] | None = Field(
        default=None, description="For type `choice`: each value that the CRM sends, with its labels."
    )


class Described(BaseModel):
    """The field's version after the command."""

    field: str
    changed: bool


def routes(service: Service) -> Routes:
    """Give the routes."""
    made = Routes()

    @made.get("/v1/fields", answer=FieldCatalogue, roles=("staff", "dpo", "admin", "auditor", "crm"))
    async def list_fields(_call: Call) -> FieldCatalogue:
        """Give every field that the CRM has sent, with labels and groups; the undescribed ones are marked `discovered`."""
        return await catalogue(service)

    @made.put(
        "/v1/fields/{field}",
        params=Which,
        body=Description,
        answer=Described,
        roles=("admin",),
        refusals=("unknown-field", "core-field-type", "labels-missing", "choices"),
    )
    async def describe(call: Call[Description, None, Which]) -> Described:
        """Say what a field is: its type, its group, its labels in German and English."""
        said = call.body
        command = DescribeField(
            field=call.path.field,
            type=said.type,
            group=said.group,
            labels=said.labels,
            choices=said.choices,
            at=datetime.now(UTC),
            by=call.actor,
        )
        answer = await service.handler.handle(FIELD, command, command_id=call.command_id)
        return Described(field=call.path.field, changed=bool(answer.events))

    return made
