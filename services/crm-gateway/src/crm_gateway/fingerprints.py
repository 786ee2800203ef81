"""Fingerprints of values under the person's own key: the same news twice is noticed without reading it.

The key of the fingerprints is derived from the person's by HKDF-Expand (RFC 5869; the person's key is random, so there is nothing
to extract). It goes with the person's key, and the fingerprints in the log say nothing any more.
"""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from typing import Any

import msgspec
from pydantic import BaseModel

from crm_gateway.deciders.news import EMPTY
from events.catalogue.persons import FieldValue

_INFO = b"gdpr crm-gateway fingerprint 1\x01"


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return {name: said for name, said in value if said is not None}
    raise TypeError(type(value).__name__)


_encode = msgspec.json.Encoder(order="deterministic", enc_hook=_plain).encode


def fingerprints(secret: bytes, values: Mapping[str, FieldValue]) -> dict[str, str]:
    """Give the fingerprint of each field's value; that of an empty field is empty."""
    keyed = hmac.new(hmac.digest(secret, _INFO, "sha256"), digestmod="sha256")
    return {field: _print(keyed.copy(), field, value) for field, value in values.items()}


def _print(keyed: hmac.HMAC, field: str, value: FieldValue) -> str:
    if value is None:
        return EMPTY
    keyed.update(field.encode() + b"\0" + _encode(value))
    return urlsafe_b64encode(keyed.digest()[:15]).decode()
