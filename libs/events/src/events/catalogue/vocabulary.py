"""The words every event is written in: personal fields, actors, and what an event is.

Nothing here does I/O, reads a clock or makes an identifier.
"""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from typing import Annotated, Any, ClassVar, Literal, TypeVar, get_args, get_origin

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, GetCoreSchemaHandler, StringConstraints
from pydantic_core import CoreSchema, core_schema


class Erased(Enum):
    """What a personal field reads as once the person's key has been destroyed.

    The value holds a NUL, which no door lets in: nothing that a person writes can be mistaken for it.
    """

    ERASED = "\x00erased"

    def __str__(self) -> str:
        return ""

    def __bool__(self) -> bool:
        return False

    @classmethod
    def __get_pydantic_core_schema__(cls, _source: Any, _handler: GetCoreSchemaHandler) -> CoreSchema:
        # Left to itself pydantic calls the class for every value that is not erased, which is most of them, and all of them hot.
        text = core_schema.literal_schema([cls.ERASED.value])
        erased = core_schema.no_info_after_validator_function(cls, text)
        return core_schema.json_or_python_schema(
            json_schema=erased,
            python_schema=core_schema.union_schema([core_schema.is_instance_schema(cls), erased]),
            serialization=core_schema.simple_ser_schema("any"),
        )


ERASED = Erased.ERASED


class PersonalMarker:
    """Marks a field as personal: it is kept only as ciphertext, under the key of the person the event is about."""


PERSONAL = PersonalMarker()

T = TypeVar("T")

Personal = Annotated[Erased | T, Field(union_mode="left_to_right"), PERSONAL]
"""``Personal[str]``: a field that reads as the person wrote it, or as ``ERASED`` once the key is gone (Art. 17)."""

Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_.-]{0,63}$")]
"""A short name chosen by an administrator, never by a data subject: it stands in the log in the clear."""

Language = Annotated[str, StringConstraints(pattern=r"^[a-z]{2}$")]
Texts = dict[Language, str]
"""One text in each language that the installation offers, by ISO 639-1 code."""


class Value(BaseModel):
    """A part of an event that has no life of its own."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Actor(Value):
    """Who did it.

    ``id`` is the account of a staff member or machine. It is never the name of the data subject: that is who the
    event is about.
    """

    kind: Literal["person", "staff", "crm", "system"]
    id: str | None = Field(default=None, max_length=128)

    def __str__(self) -> str:
        return f"{self.kind}:{self.id}" if self.id else self.kind


THE_PERSON = Actor(kind="person")
THE_SYSTEM = Actor(kind="system")


class Event(BaseModel):
    """Something that has happened. Its class name is its type, for ever; a change of shape raises ``schema_version``.

    ``at`` is when the source says that it happened (``occurred``); when it was recorded stands in the envelope.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    topic: ClassVar[str]
    schema_version: ClassVar[int] = 1
    about_a_person: ClassVar[bool] = True
    """Whether the stream is one person's, so that personal fields have a key to stand under."""

    at: AwareDatetime
    by: Actor


def personal_fields(model: type[Any]) -> tuple[str, ...]:
    """Give the names of the fields of a pydantic model or a dataclass that are marked ``Personal``, in their order."""
    if issubclass(model, BaseModel):
        return tuple(n for n, f in model.model_fields.items() if any(isinstance(m, PersonalMarker) for m in f.metadata))
    from typing import get_type_hints

    hints = get_type_hints(model, include_extras=True)
    return tuple(
        n
        for n, h in hints.items()
        if get_origin(h) is Annotated and any(isinstance(a, PersonalMarker) for a in get_args(h)[1:])
    )


__all__ = [
    "ERASED",
    "PERSONAL",
    "THE_PERSON",
    "THE_SYSTEM",
    "Actor",
    "Erased",
    "Event",
    "Language",
    "Personal",
    "Slug",
    "Texts",
    "Value",
    "datetime",
    "personal_fields",
]
