"""The OpenAPI 3.1 document of a service, made from its routes: every answer that can come is in it, and no other."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel, TypeAdapter

from web.api import NDJSON, Route, Routes
from web.problems import CONTENT_TYPE, ProblemDocument

NO_NUL = r"^[^\u0000]*$"
REF = "#/components/schemas/{model}"
MEANINGS = {
    400: "The request cannot be read.",
    401: "There is no token, or none that is accepted.",
    403: "The account lacks the role.",
    404: "There is no such thing.",
    409: "Refused: the slug in `type` names the rule.",
    413: "The body is too large.",
    415: "The body is of another kind.",
    422: "The input does not fit; the pointers name the places.",
    429: "Too many requests; `Retry-After` says when.",
    503: "The service cannot reach what it needs; `Retry-After` says when.",
}

Schema = dict[str, Any]


def document(name: str, version: str, routes: Routes, *, url: str | None = None) -> dict[str, Any]:
    """Give the OpenAPI document of a service."""
    schemas, components = _schemas(routes.declared)
    paths: dict[str, Any] = {}
    for route in routes.declared:
        # A `{name:pattern}` of aiohttp is `{name}` to the reader.
        path = re.sub(r"\{(\w+):[^{}]+\}", r"{\1}", route.path)
        paths.setdefault(path, {})[route.method.lower()] = _operation(route, schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": name, "version": version},
        **({"servers": [{"url": url}]} if url else {}),
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
        },
    }


def _schemas(routes: Iterable[Route]) -> tuple[dict[tuple[int, str], Schema], dict[str, Schema]]:
    inputs: list[tuple[tuple[int, str], Any, TypeAdapter[Any]]] = [
        ((0, "problem"), "serialization", TypeAdapter(ProblemDocument))
    ]
    for route in routes:
        for part, mode in (
            ("body", "validation"),
            ("query", "validation"),
            ("params", "validation"),
            ("answer", "serialization"),
        ):
            declared = getattr(route, part)
            if declared is not None and declared is not bytes:
                inputs.append(((id(route), part), mode, TypeAdapter(declared)))
    found, definitions = TypeAdapter.json_schemas(inputs, ref_template=REF)
    components: dict[str, Schema] = definitions.get("$defs", {})
    for schema in components.values():
        _forbid_nul(schema)
    schemas = {key: dict(schema) for (key, _), schema in found.items()}
    for schema in schemas.values():
        _forbid_nul(schema)
    return schemas, components


def _forbid_nul(schema: Any) -> None:
    """Say in each schema of free text what ``web.reading`` sees to: no NUL."""
    if isinstance(schema, list):
        for item in schema:
            _forbid_nul(item)
    if not isinstance(schema, dict):
        return
    if schema.get("type") == "string" and not schema.keys() & {"pattern", "format", "enum", "const"}:
        schema["pattern"] = NO_NUL
    if schema.get("type") == "object" and schema.get("additionalProperties", "properties" not in schema) is not False:
        schema.setdefault("propertyNames", {"pattern": NO_NUL})
    for key, value in list(schema.items()):
        if key not in {"enum", "const", "default", "examples", "propertyNames"}:
            _forbid_nul(list(value.values()) if key in {"properties", "patternProperties"} else value)


def _operation(route: Route, schemas: Mapping[tuple[int, str], Schema]) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": route.handler.__name__,
        "summary": route.summary,
        **({"description": route.description} if route.description else {}),
    }
    parameters = [
        *_path_parameters(route, schemas),
        *_parameters(route.query, "query", schemas.get((id(route), "query"))),
    ]
    if route.command:
        parameters.append(
            {
                "name": "Idempotency-Key",
                "in": "header",
                "required": True,
                "description": "The id of the command: it is carried out once, however often it is sent.",
                "schema": {"type": "string", "format": "uuid"},
            }
        )
    if parameters:
        operation["parameters"] = parameters
    if route.body is not None:
        schema = schemas.get((id(route), "body"), {})
        operation["requestBody"] = {"required": True, "content": {kind: {"schema": schema} for kind in route.accepts}}
    if route.roles:
        operation["security"] = [{"token": []}]
        operation["x-roles"] = list(route.roles)
    operation["responses"] = _responses(route, schemas)
    return operation


def _path_parameters(route: Route, schemas: Mapping[tuple[int, str], Schema]) -> list[dict[str, Any]]:
    if route.params is not None:
        return _parameters(route.params, "path", schemas[id(route), "params"])
    names = re.findall(r"\{(\w+)(?::[^{}]+)?\}", route.path)
    return [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names]


def _parameters(model: type[BaseModel] | None, where: str, schema: Schema | None) -> list[dict[str, Any]]:
    if model is None or schema is None:
        return []
    whole = model.model_json_schema(ref_template=REF)
    _forbid_nul(whole)
    required = whole.get("required", [])
    parameters = []
    for name, part in whole.get("properties", {}).items():
        declared = {key: value for key, value in part.items() if key != "title"}
        about = declared.pop("description", None)
        parameters.append(
            {
                "name": name,
                "in": where,
                "required": where == "path" or name in required,
                **({"description": about} if about else {}),
                "schema": _without_null(declared) if where == "query" else declared,
            }
        )
    return parameters


def _without_null(schema: Schema) -> Schema:
    """A query cannot say null: an optional parameter is left out."""
    if "anyOf" not in schema:
        return schema
    left = [choice for choice in schema["anyOf"] if choice != {"type": "null"}]
    rest = {key: value for key, value in schema.items() if key not in {"anyOf", "default"}}
    return {**left[0], **rest} if len(left) == 1 else {**rest, "anyOf": left}


def _responses(route: Route, schemas: Mapping[tuple[int, str], Schema]) -> dict[str, Any]:
    if route.lines is not None:
        good: dict[str, Any] = {"content": {NDJSON: {"schema": {"type": "string"}}}}
    elif route.answer is not None:
        good = {"content": {"application/json": {"schema": schemas[id(route), "answer"]}}}
    else:
        good = {}
    responses: dict[str, Any] = {
        str(status): {"description": HTTPStatus(status).phrase, **good} for status in (route.status, *route.statuses)
    }
    for status, slugs in sorted(problems(route).items()):
        meaning = MEANINGS.get(status, HTTPStatus(status).phrase)
        responses[str(status)] = {
            "description": f"{meaning} {' '.join(f'`{slug}`' for slug in slugs)}".strip(),
            "content": {CONTENT_TYPE: {"schema": schemas[0, "problem"]}},
        }
    return responses


def problems(route: Route) -> dict[int, tuple[str, ...]]:
    """Give every status that a route can answer with a problem, and the slugs that stand for it."""
    found: dict[int, list[str]] = {503: ["not-ready"]}

    def add(status: int, *slugs: str) -> None:
        found.setdefault(status, []).extend(slugs)

    if route.command:
        add(400, "idempotency-key")
        add(409, "busy")
    if route.body is not None:
        if route.body is not bytes:
            add(400, "invalid-json")
        add(413, "too-large")
        add(415, "media-type")
    if (route.body is not None and route.body is not bytes) or route.query is not None:
        add(422, "invalid-input")
    if route.roles:
        add(401, "token-missing", "token-malformed", "token-expired", "token-not-accepted")
        add(403, "role-missing")
    if "{" in route.path:
        add(404, "unknown-address")
    if route.refusals:
        add(409, *route.refusals)
    if route.limit is not None:
        add(429, "too-many")
    for status, slugs in route.problems.items():
        add(status, *slugs)
    return {status: tuple(dict.fromkeys(slugs)) for status, slugs in found.items()}
