"""Which record of the CRM is which person: one reference is one ``subject_id``, for ever.

The reference is kept as a keyed hash only. The row outlives the person's erasure: who comes back by an import is recognised, and
refused until somebody lets them in again.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Mapping
from uuid import UUID, uuid4

from events.runtime.service import Service

KEY = "identity"


def hashed(key: bytes, ref: str) -> bytes:
    """Give what stands for a reference in the table."""
    return hmac.digest(key, b"crm_ref\0" + ref.encode(), "sha256")


def record_id(key: bytes, ref: str, kind: str, record_ref: str) -> UUID:
    """Give the id of a record that belongs to a person, the same each time and readable by nobody."""
    said = "\0".join(("record", ref, kind, record_ref))
    return UUID(bytes=hmac.digest(key, said.encode(), "sha256")[:16], version=5)


async def known(service: Service, refs: Iterable[str]) -> Mapping[str, UUID]:
    """Give the persons of these references, as far as there are any."""
    key = await service.keys.named(KEY)
    by_hash = {hashed(key, ref): ref for ref in refs}
    rows = await service.pool.fetch("SELECT ref_hash, subject FROM identities WHERE ref_hash = ANY($1)", list(by_hash))
    return {by_hash[r["ref_hash"]]: r["subject"] for r in rows}


async def resolved(service: Service, refs: Iterable[str]) -> Mapping[str, UUID]:
    """Give the persons of these references, made now where there are none."""
    wanted = set(refs)
    found = await known(service, wanted)
    lacking = wanted - found.keys()
    if not lacking:
        return found
    key = await service.keys.named(KEY)
    # In one order, so that two imports of the same persons do not wait for each other in a circle.
    hashes = sorted(hashed(key, ref) for ref in lacking)
    await service.pool.execute(
        "INSERT INTO identities (ref_hash, subject) SELECT * FROM unnest($1::bytea[], $2::uuid[]) ON CONFLICT DO NOTHING",
        hashes,
        [uuid4() for _ in hashes],
    )
    return {**found, **await known(service, lacking)}
