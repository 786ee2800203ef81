"""Upcasters: an event written in an old shape reads as one of today. What was written is never rewritten.

To change an event's shape: raise ``schema_version`` on its class, add the step from the version before here, and
freeze a golden file of the new version beside the old ones.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from events.errors import Unreadable

Step = Callable[[dict[str, Any]], dict[str, Any]]

STEPS: dict[tuple[str, int], Step] = {}
"""From ``(type, version)`` to the shape of ``version + 1``. A personal field may read as ``ERASED``'s value."""


def upcast(type_: str, written: int, wanted: int, body: bytes) -> bytes:
    """Give ``body`` (a JSON object) in the shape of version ``wanted``. Raises ``Unreadable`` for one from the future."""
    if written == wanted:
        return body
    if written > wanted:
        raise Unreadable(f"{type_} was written in version {written}, this program knows {wanted}: update it")
    fields: dict[str, Any] = json.loads(body)
    for version in range(written, wanted):
        fields = STEPS[type_, version](fields)
    return json.dumps(fields).encode()
