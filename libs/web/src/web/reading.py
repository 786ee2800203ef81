"""Reading what was sent: bodies within their limit, JSON and parameters within their model, NUL bytes nowhere.

PostgreSQL takes no NUL in text, and the value that marks an erased field holds one; so no door lets one in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar, get_origin
from uuid import UUID

import pydantic_core
from aiohttp import web as http
from pydantic import BaseModel, TypeAdapter, ValidationError

from web.problems import At, Problem, invalid, invalid_json, parse_json, pointer, too_large

M = TypeVar("M", bound=BaseModel)

JSON = "application/json"


async def read_body(request: http.Request, limit: int) -> bytes:
    """Give the body. Raises ``Problem`` 413 as soon as it is known to be over the limit."""
    length = request.content_length
    if length is not None and length > limit:
        raise too_large(limit)
    parts: list[bytes] = []
    size = 0
    async for part in request.content.iter_any():
        size += len(part)
        if size > limit:
            raise too_large(limit)
        parts.append(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def check_media_type(request: http.Request, accepted: Iterable[str]) -> None:
    """Refuse a body of another kind than the route takes. Raises ``Problem`` 415."""
    accepted = tuple(accepted)
    sent = request.content_type if "Content-Type" in request.headers else ""
    charset = (request.charset or "utf-8").lower().replace("_", "-")
    if sent not in accepted or charset not in {"utf-8", "utf8", "us-ascii"}:
        raise Problem(
            "media-type",
            f"Send the body as {' or '.join(accepted)}, in UTF-8.",
            status=415,
            headers={"Accept": ", ".join(accepted)},
        )


def _nul_places(value: Any, place: tuple[str | int, ...] = ()) -> Iterable[tuple[str | int, ...]]:
    match value:
        case str() if "\0" in value:
            yield place
        case list():
            for index, item in enumerate(value):
                yield from _nul_places(item, (*place, index))
        case dict():
            for key, item in value.items():
                if "\0" in key:
                    yield place
                yield from _nul_places(item, (*place, key))


def refuse_nul(raw: bytes) -> None:
    """Refuse JSON with an escaped NUL in it. Raises ``Problem`` 422."""
    if b"\\u0000" not in raw:
        return
    places = list(dict.fromkeys(_nul_places(parse_json(raw))))
    if places:
        raise Problem(
            "invalid-input",
            "What was sent holds NUL characters. Leave them out and send it again.",
            status=422,
            errors=[At(pointer(place), "Leave out the NUL character.") for place in places[:50]],
        )


def read_json(raw: bytes, model: TypeAdapter[Any]) -> Any:
    """Give what JSON says as its model has it, strictly. Raises ``Problem`` 400 or 422."""
    try:
        read = model.validate_json(raw, strict=True)
    except ValidationError as error:
        kinds = {one["type"] for one in error.errors(include_url=False, include_context=False, include_input=False)}
        if "json_invalid" in kinds:
            raise invalid_json() from None
        refuse_nul(raw)
        sent = parse_json(raw)
        if not kinds & {"int_type", "int_from_float"}:
            raise invalid(error, sent) from None
        return _read_whole_numbers(sent, model)
    refuse_nul(raw)
    return read


def _read_whole_numbers(sent: Any, model: TypeAdapter[Any]) -> Any:
    """Read again with 5.0 as 5: JSON has but one kind of number, and JSON Schema calls both integers."""
    try:
        return model.validate_json(pydantic_core.to_json(_whole(sent)), strict=True)
    except ValidationError as error:
        raise invalid(error, sent) from None


def _whole(value: Any) -> Any:
    match value:
        case float() if value.is_integer() and abs(value) < 2**53:
            return int(value)
        case list():
            return [_whole(item) for item in value]
        case dict():
            return {key: _whole(item) for key, item in value.items()}
        case _:
            return value


def lists_in(model: type[BaseModel]) -> frozenset[str]:
    """Give the parameters of a query that may come more than once."""
    lists = {list, tuple, set, frozenset}
    return frozenset(name for name, field in model.model_fields.items() if get_origin(field.annotation) in lists)


def query_reader(model: type[M]) -> Callable[[http.Request], M]:
    """Make what reads the query as its model has it, and raises ``Problem`` 422; what is no list comes once."""
    lists = lists_in(model)
    known = frozenset(model.model_fields)
    validate = model.__pydantic_validator__.validate_python

    def read(request: http.Request) -> M:
        sent: dict[str, Any] = {}
        for key, value in request.query.items():
            if "\0" in value or "\0" in key:
                raise _not_in_query(key, "Leave out the NUL character.")
            if key in lists:
                sent.setdefault(key, []).append(value)
            elif key in sent and key in known:
                raise _not_in_query(key, "Give this once.")
            else:
                sent[key] = value
        try:
            return validate(sent)  # type: ignore[no-any-return]
        except ValidationError as error:
            raise invalid(error, sent) from None

    return read


def _not_in_query(key: str, detail: str) -> Problem:
    return Problem(
        "invalid-input",
        "The query does not fit. Mend what the pointers name and send it again.",
        status=422,
        errors=[At(pointer((key,)), detail)],
    )


def read_path(request: http.Request, model: type[M]) -> M:
    """Give the parts of the path as their model has them. Raises ``Problem`` 404: nothing can be at such an address."""
    try:
        if any("\0" in part for part in request.match_info.values()):
            raise ValueError
        return model.model_validate(dict(request.match_info))
    except ValueError:
        raise Problem("unknown-address", "There is nothing at this address.", status=404) from None


def read_command_id(request: http.Request) -> UUID:
    """Give the ``Idempotency-Key``: a UUID, bare or quoted as a structured field. Raises ``Problem`` 400."""
    sent = request.headers.get("Idempotency-Key", "").strip()
    if len(sent) == 38 and sent[0] == sent[-1] == '"':
        sent = sent[1:-1]
    try:
        if len(sent) != 36:
            raise ValueError
        return UUID(sent)
    except ValueError:
        raise Problem(
            "idempotency-key",
            "Send an Idempotency-Key header with a UUID of your own making; repeat it when you repeat the request.",
            status=400,
        ) from None
