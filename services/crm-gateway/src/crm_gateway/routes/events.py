"""`POST /v1/crm/events`: one message, several, or a stream of lines; an answer for each, in their order."""

from __future__ import annotations

from urllib.parse import unquote

import msgspec
from aiohttp import web as http

from crm_gateway.messages import Incoming
from crm_gateway.outcomes import Outcome
from crm_gateway.receiving import Door
from web.api import Call, Routes
from web.problems import Problem

JSON = "application/json"
NDJSON = "application/x-ndjson"
CLOUDEVENT = "application/cloudevents+json"
CLOUDEVENTS = "application/cloudevents-batch+json"
MOST_BYTES = 24_000_000
MOST_MESSAGES = 5000

_array = msgspec.json.Decoder(list[msgspec.Raw])


def routes(door: Door) -> Routes:
    """Give the route."""
    made = Routes()

    @made.post(
        "/v1/crm/events",
        body=bytes,
        answer=list[Outcome],
        roles=("crm",),
        command=False,
        accepts=(JSON, NDJSON, CLOUDEVENT, CLOUDEVENTS),
        body_limit=MOST_BYTES,
        problems={400: ("invalid-json",), 413: ("too-many-messages",)},
        hot=True,
    )
    async def receive(call: Call[bytes]) -> list[Outcome]:
        """Take over what happened in the CRM.

        The body is one message, a JSON array of them, or one on each line (`application/x-ndjson`); each bare or as a
        CloudEvent. With the attributes of a CloudEvent in headers (`ce-id` and so on) it is the data of one.

        The answer is a list with the outcome of each message, in their order: a bad one holds up none beside it. The `id` of a
        message makes it safe to send again.
        """
        if binary := binary_headers(call.request):
            return await door.receive([Incoming(call.body, binary)], door="http")
        parts = split(call.body, call.request.content_type)
        if len(parts) > MOST_MESSAGES:
            raise Problem("too-many-messages", f"Send {MOST_MESSAGES} messages at the most at once.", status=413)
        return await door.receive([Incoming(part) for part in parts], door="http")

    return made


def binary_headers(request: http.Request) -> dict[str, str]:
    """Give the attributes of a CloudEvent in binary form as a Kafka record has them (CloudEvents 1.0, HTTP binding 3.1.3.2)."""
    if "ce-specversion" not in request.headers:
        return {}
    return {
        name.lower().replace("-", "_", 1): unquote(value)
        for name, value in request.headers.items()
        if name.lower().startswith("ce-")
    }


def split(body: bytes, content_type: str) -> list[bytes]:
    """Part a body into its messages. Raises ``Problem`` where it has no such parts."""
    if content_type == NDJSON:
        return [line for line in body.split(b"\n") if line.strip()]
    if body.lstrip()[:1] != b"[":
        return [body]
    try:
        return [bytes(part) for part in _array.decode(body)]
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        raise Problem("invalid-json", "The body is not valid JSON in UTF-8.", status=400) from None
