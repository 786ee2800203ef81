"""The purposes, kinds and wordings that an installation begins with, from one YAML file.

Each entry becomes commands whose ids follow from its content: the same file again does nothing, and does not undo what an
administrator changed since; a changed entry applies once.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from consent.deciders.kinds import KINDS, DefineKind, PublishWording
from consent.deciders.purposes import PURPOSES, DefinePurpose
from events.catalogue.consents import Channel, LegalBasis
from events.catalogue.vocabulary import Actor, Language, Slug, Texts
from events.deciding import AnyDecider, Refused
from events.runtime.handling import Handler, Wanted
from events.runtime.logging import logger

log = logger(__name__)

DEFAULTS = files("consent") / "defaults.yaml"
CONFIGURATION = UUID("3d3c2c5e-9a0f-5c1b-8f0e-6f4f0d1c7b21")
BY_THE_FILE = Actor(kind="system", id="configuration-file")


class Unusable(Exception):
    """The file cannot be used; the text says where and why."""


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ConfiguredPurpose(_Entry):
    """One purpose of the file."""

    titles: Texts
    descriptions: Texts
    legal_basis: LegalBasis
    direct_marketing: bool = False


class ConfiguredKind(_Entry):
    """One kind of the file, with the wording of today."""

    purpose: Slug
    titles: Texts
    channels: tuple[Channel, ...]
    double_opt_in: bool = False
    validity_days: int | None = Field(default=None, ge=1, le=36_500)
    wording: dict[Language, str]


class Configuration(_Entry):
    """The whole file."""

    purposes: dict[Slug, ConfiguredPurpose]
    kinds: dict[Slug, ConfiguredKind]


@dataclass(frozen=True, slots=True)
class _Step:
    decider: AnyDecider
    command: Any
    said: tuple[str, ...]

    @property
    def id(self) -> UUID:
        return uuid5(CONFIGURATION, "\0".join(self.said))


def read(path: Path | None) -> Configuration:
    """Read the installation's file, or the one that comes with the service. Raises ``Unusable``."""
    try:
        text = path.read_text(encoding="utf-8") if path else DEFAULTS.read_text(encoding="utf-8")
        return Configuration.model_validate(yaml.safe_load(text))
    except OSError as error:
        raise Unusable(f"CONSENT_CONFIGURATION: {path} cannot be read ({error.strerror}).") from None
    except (yaml.YAMLError, UnicodeError) as error:
        raise Unusable(f"CONSENT_CONFIGURATION: {path} is not YAML in UTF-8: {error}") from None
    except ValidationError as error:
        places = "; ".join(f"{'.'.join(str(p) for p in e['loc'])}: {e['msg']}" for e in error.errors())
        raise Unusable(f"CONSENT_CONFIGURATION: {path} does not fit. {places}") from None


async def apply(configuration: Configuration, handler: Handler, at: datetime) -> None:
    """Bring the configuration in, all of it in one transaction. What a rule forbids is logged and left out."""
    steps = [*_steps(configuration, at)]
    answers = await handler.handle_surely([Wanted(decider=s.decider, command=s.command, id=s.id) for s in steps])
    for step, answer in zip(steps, answers, strict=True):
        if isinstance(answer, Refused):
            log.warning("configuration refused", entry=step.said[:2], slug=answer.slug, why=answer.message)


def _steps(configuration: Configuration, at: datetime) -> Iterator[_Step]:
    for name, purpose in configuration.purposes.items():
        yield _Step(
            PURPOSES,
            DefinePurpose(purpose=name, at=at, by=BY_THE_FILE, **dict(purpose)),
            ("purpose", name, _canonical(purpose.model_dump(mode="json"))),
        )
    for name, kind in configuration.kinds.items():
        terms = kind.model_dump(mode="json", exclude={"wording"})
        yield _Step(
            KINDS,
            DefineKind(
                kind=name,
                at=at,
                by=BY_THE_FILE,
                purpose=kind.purpose,
                titles=kind.titles,
                channels=kind.channels,
                double_opt_in=kind.double_opt_in,
                validity_days=kind.validity_days,
                purpose_known=kind.purpose in configuration.purposes,
            ),
            ("kind", name, _canonical(terms)),
        )
        yield _Step(
            KINDS,
            PublishWording(kind=name, at=at, by=BY_THE_FILE, texts=kind.wording),
            ("wording", name, _canonical(kind.wording)),
        )


def _canonical(content: Any) -> str:
    return json.dumps(content, ensure_ascii=False, sort_keys=True)
