"""Freeze the events that are not frozen yet."""

from __future__ import annotations

import json
from pathlib import Path
from uuid import UUID

from events.catalogue import EVENTS, OWNERS
from events.catalogue.vocabulary import Event
from events.envelope import Recorded, encode
from events.sealing import Key

try:
    from .samples import AT, sample
except ImportError:  # run as a script
    from samples import AT, sample  # type: ignore[no-redef,import-not-found]

GOLDEN = Path(__file__).parent / "golden"
SECRET = bytes(range(32))
SUBJECT = UUID("1b6f2b52-8f1e-4c38-8a53-3d6f2b0c9a01")


def file_of(kind: type[Event]) -> Path:
    """Give where the record of this type and version is frozen."""
    return GOLDEN / f"{kind.__name__}.{kind.schema_version}.json"


def freeze(kind: type[Event]) -> None:
    """Write the record of a made-up event, and what it reads as."""
    event = sample(kind)
    subject = SUBJECT if kind.about_a_person else None
    recorded: Recorded[Event] = Recorded(
        id=UUID("0d5c7e0e-55a3-4a8e-b3d3-7a0f6a1d2c03"),
        type=kind.__name__,
        stream=f"golden-{subject}",
        version=3,
        subject=subject,
        occurred=AT,
        recorded=AT,
        source=f"/{OWNERS[kind.topic]}",
        correlation=None,
        causation=None,
        data=event,
    )
    frozen = {
        "record": json.loads(encode(recorded, Key(1, SECRET))),
        "reads": event.model_dump(mode="json", exclude_none=True),
    }
    file_of(kind).write_text(json.dumps(frozen, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    for kind in EVENTS.values():
        if not file_of(kind).exists():
            freeze(kind)
