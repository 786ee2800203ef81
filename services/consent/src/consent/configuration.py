"""The purposes, kinds and wordings that an installation begins with, from one YAML file.

Each entry becomes commands whose ids follow from its content: the same file again does nothing, and does not undo what an
administrator changed since; a changed entry applies once.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID, uuid5

import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

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
    wording: dict[Language, Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]]


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

    @property
    def place(self) -> str:
        """Where it stands in the file."""
        what, name, _ = self.said
        return {"purpose": f"purposes.{name}", "kind": f"kinds.{name}", "wording": f"kinds.{name}.wording"}[what]


def read(path: Path | None) -> Configuration:
    """Read the installation's file, or the one that comes with the service. Raises ``Unusable``."""
    name = str(path) if path else "defaults.yaml"
    try:
        text = path.read_text(encoding="utf-8") if path else DEFAULTS.read_text(encoding="utf-8")
        configuration = Configuration.model_validate(yaml.load(text, _Strict))  # noqa: S506 a safe loader, stricter
    except OSError as error:
        raise Unusable(f"CONSENT_CONFIGURATION: {name} cannot be read ({error.strerror}).") from None
    except (yaml.YAMLError, UnicodeError) as error:
        raise Unusable(f"CONSENT_CONFIGURATION: {name} is not YAML in UTF-8: {error}") from None
    except ValidationError as error:
        raise Unusable(
            _listed(name, ((".".join(str(p) for p in e["loc"]), e["msg"]) for e in error.errors()))
        ) from None
    if faults := [*_rehearsed(configuration)]:
        raise Unusable(_listed(name, faults))
    return configuration


class _Strict(yaml.SafeLoader):
    """YAML in which a name stands once: otherwise the last of two would silently be the one that counts."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[Any] = set()
        for key, _ in node.value:
            if not isinstance(name := key.value, str):
                continue  # no name at all, and said by what comes after us
            if name in seen:
                raise yaml.MarkedYAMLError(problem=f"{name!r} stands here twice", problem_mark=key.start_mark)
            seen.add(name)
        return super().construct_mapping(node, deep)


def _listed(name: str, faults: Iterable[tuple[str, str]]) -> str:
    lines = "".join(f"\n  {place or 'the whole file'}: {what}" for place, what in faults)
    return f"CONSENT_CONFIGURATION: {name} does not fit.{lines}"


def _rehearsed(configuration: Configuration) -> Iterator[tuple[str, str]]:
    """Try the whole file on an empty installation: what a rule forbids is wrong in the file, and is said before the start."""
    states: dict[str, Any] = {}
    for step in _steps(configuration, datetime(2000, 1, 1, tzinfo=UTC)):
        stream = step.decider.stream(step.command)
        state = states.get(stream, step.decider.initial)
        try:
            states[stream] = step.decider.fold(step.decider.decide(state, step.command), state)
        except Refused as refused:
            if refused.slug != "unknown-kind":  # that follows from the fault above it
                yield step.place, refused.message


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
