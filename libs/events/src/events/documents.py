"""The catalogue as documents: ``docs/events.md`` for people, ``docs/asyncapi.json`` for machines.

``python -m events.documents DIRECTORY`` writes them; a test says when they are stale.
"""

from __future__ import annotations

import inspect
import json
import sys
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from events.catalogue import EVENTS, MODULES, PARTITIONS, crm
from events.catalogue.vocabulary import ERASED, Event, personal_fields
from events.envelope import schema_urn


def events_md() -> str:
    """Give the list of every event: who records it, on which topic, with which fields, and which of them are personal."""
    out = [
        "# Events",
        "",
        "Made from the catalogue by `python -m events.documents docs`. Do not edit.",
        "",
        "Every event has `at` (when it happened, as its source says) and `by` (who did it). Fields marked **personal** are kept only",
        "as ciphertext under the person's key, and read as erased once that key is destroyed.",
    ]
    for owner, module in MODULES.items():
        mine = [e for e in EVENTS.values() if e.__module__ == module.__name__]
        topics = sorted({e.topic for e in mine})
        out += ["", f"## {owner}: {', '.join(f'`{t}`' for t in topics)}", "", _first(module.__doc__)]
        for event in mine:
            version = f", version {event.schema_version}" if event.schema_version > 1 else ""
            out += ["", f"### {event.__name__}", "", f"{_text(event)} (`{event.topic}`{version})", ""]
            personal = personal_fields(event)
            for name, field in event.model_fields.items():
                if name in ("at", "by"):
                    continue
                optional = "" if field.is_required() else ", optional"
                mark = ", **personal**" if name in personal else ""
                out.append(f"- `{name}`: {_type(event, name)}{optional}{mark}")
    return "\n".join(out) + "\n"


def _first(text: str | None) -> str:
    return " ".join(inspect.cleandoc(text or "").split("\n\n")[0].split())


def _text(event: type[Event]) -> str:
    return " ".join(inspect.cleandoc(event.__doc__ or "").split())


def _type(event: type[Event], name: str) -> str:
    schema = _schema(event)
    return _describe(schema["properties"][name], schema.get("$defs", {}))


def _describe(part: dict[str, Any], known: dict[str, Any]) -> str:
    if "$ref" in part:
        return str(part["$ref"].rpartition("/")[2])
    if "anyOf" in part:
        return " or ".join(dict.fromkeys(_describe(p, known) for p in part["anyOf"] if p.get("type") != "null"))
    if "enum" in part:
        return " | ".join(f"`{v}`" for v in part["enum"])
    if part.get("type") == "array":
        items = part.get("items") or {}
        return f"list of {_describe(items, known)}"
    if part.get("type") == "object":
        return f"map to {_describe(part.get('additionalProperties') or {}, known) or 'any'}"
    return str(part.get("format") or part.get("type") or "any value")


def _schema(event: type[Event]) -> dict[str, Any]:
    """Give the JSON schema of an event as its reader gets it; the mark of an erased field is no part of it."""
    schema = event.model_json_schema(mode="serialization", ref_template="#/$defs/{model}")
    _drop_erased(schema)
    return schema


def _drop_erased(part: Any) -> None:
    if isinstance(part, dict):
        if "anyOf" in part:
            part["anyOf"] = [p for p in part["anyOf"] if p.get("const") != ERASED.value]
            if len(part["anyOf"]) == 1:
                part.update(part.pop("anyOf")[0])
        for value in part.values():
            _drop_erased(value)
    elif isinstance(part, list):
        for value in part:
            _drop_erased(value)


def asyncapi() -> dict[str, Any]:
    """Give the AsyncAPI 3.0 document of every event topic and of the CRM's door."""
    messages: dict[str, Any] = {}
    schemas: dict[str, Any] = {}
    channels: dict[str, Any] = {}
    operations: dict[str, Any] = {}
    for event in EVENTS.values():
        name = event.__name__
        personal = set(personal_fields(event))
        schema = _schema(event)
        definitions = schema.pop("$defs", {})
        schema["properties"] = {k: v for k, v in schema["properties"].items() if k not in personal}
        if "required" in schema:
            schema["required"] = [r for r in schema["required"] if r not in personal]
        schemas |= _moved(definitions)
        schemas[f"{name}Open"] = _moved(schema)
        messages[name] = {
            "name": name,
            "contentType": "application/cloudevents+json",
            "summary": _first(event.__doc__),
            "payload": {
                "allOf": [{"$ref": "#/components/schemas/Envelope"}],
                "properties": {
                    "type": {"const": name},
                    "dataschema": {"const": schema_urn(name, event.schema_version)},
                    "data": {
                        "type": "object",
                        "required": ["open"],
                        "properties": {
                            "open": {"$ref": f"#/components/schemas/{name}Open"},
                            "sealed": {
                                "type": "string",
                                "contentEncoding": "base64",
                                "description": f"AES-256-GCM over: {', '.join(sorted(personal)) or 'nothing'}",
                            },
                            "key": {"type": "integer", "description": "version of the person's key"},
                        },
                    },
                },
            },
        }
        channel = channels.setdefault(
            _id(event.topic),
            {
                "address": event.topic,
                "description": f"Kafka topic with {PARTITIONS} partitions, key is the subject_id (or the stream).",
                "messages": {},
            },
        )
        channel["messages"][name] = {"$ref": f"#/components/messages/{name}"}
    doors: dict[str, TypeAdapter[Any]] = {
        crm.INBOUND: TypeAdapter(crm.Inbound),
        crm.OUTBOUND: TypeAdapter(crm.ConsentState),
    }
    for topic, adapter in doors.items():
        schema = adapter.json_schema(ref_template="#/components/schemas/{model}")
        schemas |= schema.pop("$defs", {})
        name = "CrmInbound" if topic == crm.INBOUND else "CrmOutbound"
        messages[name] = {"name": name, "contentType": "application/json", "payload": schema}
        channels[_id(topic)] = {"address": topic, "messages": {name: {"$ref": f"#/components/messages/{name}"}}}
    for channel_id, channel in channels.items():
        inbound = channel["address"] == crm.INBOUND
        operations[f"{'receive' if inbound else 'send'}_{channel_id}"] = {
            "action": "receive" if inbound else "send",
            "channel": {"$ref": f"#/channels/{channel_id}"},
        }
    schemas["Envelope"] = ENVELOPE
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "GDPR services", "version": "1", "description": "Every event topic, and the CRM's door."},
        "defaultContentType": "application/cloudevents+json",
        "channels": channels,
        "operations": operations,
        "components": {"messages": messages, "schemas": dict(sorted(schemas.items()))},
    }


ENVELOPE: dict[str, Any] = {
    "type": "object",
    "description": "CloudEvents 1.0, structured mode.",
    "required": [
        "specversion", "id", "source", "type", "time", "datacontenttype", "dataschema", "stream", "sequence", "recordedtime", "data",
    ],
    "properties": {
        "specversion": {"const": "1.0"},
        "id": {"type": "string", "format": "uuid"},
        "source": {"type": "string", "description": "the service that recorded it"},
        "type": {"type": "string"},
        "subject": {"type": "string", "format": "uuid", "description": "the person's random subject_id"},
        "time": {"type": "string", "format": "date-time", "description": "when it happened (UTC)"},
        "recordedtime": {"type": "string", "format": "date-time", "description": "when it was recorded (UTC)"},
        "datacontenttype": {"const": "application/json"},
        "dataschema": {"type": "string"},
        "stream": {"type": "string"},
        "sequence": {"type": "string", "description": "version within the stream, from 1"},
        "correlationid": {"type": "string", "format": "uuid"},
        "causationid": {"type": "string", "format": "uuid"},
        "data": {"type": "object"},
    },
}  # fmt: skip


def _id(topic: str) -> str:
    return topic.replace(".", "_")


def _moved(part: Any) -> Any:
    """Point local references at the shared components."""
    if isinstance(part, dict):
        return {
            k: v.replace("#/$defs/", "#/components/schemas/") if k == "$ref" and isinstance(v, str) else _moved(v)
            for k, v in part.items()
        }
    return [_moved(p) for p in part] if isinstance(part, list) else part


def documents() -> dict[str, str]:
    """Give each document by its file name."""
    return {"events.md": events_md(), "asyncapi.json": json.dumps(asyncapi(), indent=2, ensure_ascii=False) + "\n"}


if __name__ == "__main__":
    for name, text in documents().items():
        (Path(sys.argv[1]) / name).write_text(text, encoding="utf-8")
