"""One made-up event of every type, the same each time."""

from __future__ import annotations

import types
import typing
from datetime import UTC, date, datetime
from typing import Annotated, Any, Literal, get_args, get_origin
from uuid import UUID

from pydantic import BaseModel

from events.catalogue.vocabulary import Erased, Event

AT = datetime(2026, 5, 3, 10, 15, 30, tzinfo=UTC)


def sample(kind: type[Event]) -> Event:
    """Give an event with every field filled."""
    return kind.model_validate({n: _value(f.annotation, n) for n, f in kind.model_fields.items()})


def _value(hint: Any, name: str) -> Any:
    origin = get_origin(hint)
    if origin is Annotated:
        return _value(get_args(hint)[0], name)
    if origin in (typing.Union, types.UnionType):
        return _value(next(a for a in get_args(hint) if a not in (type(None), Erased)), name)
    if origin is Literal:
        return get_args(hint)[0]
    if origin is tuple:
        return [_value(get_args(hint)[0], name)]
    if origin is dict:
        key, value = get_args(hint)
        return {"de" if "{2}" in repr(key) else "first_name": _value(value, name)}
    if isinstance(hint, type) and issubclass(hint, BaseModel):
        return {n: _value(f.annotation, n) for n, f in hint.model_fields.items()}
    if hint is datetime or getattr(hint, "__name__", "") == "AwareDatetime":
        return AT
    if hint is date:
        return AT.date()
    if hint is UUID:
        return UUID("5f0c5f1e-0c6e-4f8e-9a44-0d2a7f3c1b10")
    if hint is bool:
        return True
    if hint in (int, float):
        return 3
    if name == "language":
        return "de"
    if hint is str:
        return {"kind": "newsletter", "field": "first_name"}.get(name, "zoe")
    return "zoe"
