"""Forms that lose nothing: what was typed stays, each error says how to mend it, and a repeat does not act twice.

Every form carries a token bound to the browser (against forged posts) and the command id, so that sending twice acts once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final, Generic, TypeVar, get_args, get_origin
from urllib.parse import parse_qsl
from uuid import UUID, uuid4

from aiohttp import web as http
from markupsafe import Markup
from pydantic import BaseModel, ValidationError

from web.catalogues import N_
from web.forgery import check_form_token, form_token, outdated
from web.languages import Language, language_of
from web.problems import Problem
from web.reading import read_body

M = TypeVar("M", bound=BaseModel)

LIMIT = 64 * 1024
MOST_FIELDS = 300
KIND = "application/x-www-form-urlencoded"
TOKEN_FIELD: Final = "form-token"  # noqa: S105  (the name of the field)
COMMAND_FIELD: Final = "command-id"
DATE_PARTS = ("day", "month", "year")

MESSAGES: Mapping[str, str] = {
    "missing": N_("Fill this in."),
    "string_too_short": N_("This is too short: use at least %(min_length)s characters."),
    "string_too_long": N_("This is too long: use at most %(max_length)s characters."),
    "date": N_("Enter a date that exists, such as 27 3 1984."),
    "date_incomplete": N_("Enter day, month and year."),
    "literal_error": N_("Choose one of the options."),
    "enum": N_("Choose one of the options."),
    "int_parsing": N_("Enter a whole number, such as 24."),
    "int_from_float": N_("Enter a whole number, such as 24."),
    "greater_than_equal": N_("Enter %(ge)s or more."),
    "greater_than": N_("Enter more than %(gt)s."),
    "less_than_equal": N_("Enter %(le)s or less."),
    "less_than": N_("Enter less than %(lt)s."),
    "": N_("This does not fit. Check it and enter it again."),
}


@dataclass(frozen=True, slots=True)
class FieldError:
    """What is wrong with a field, how to mend it, and where it stands on the page; the summary also says the label."""

    field: str
    message: str
    id: str
    label: str = ""


@dataclass(slots=True)
class Filled(Generic[M]):
    """A form as it was filled in; ``value`` is there when nothing is wrong with it."""

    name: str
    values: Mapping[str, str | list[str]]
    command_id: UUID
    token: str
    language: Language
    errors: list[FieldError] = field(default_factory=list)
    value: M | None = None

    @property
    def hidden(self) -> Markup:
        """Give the two hidden fields that every form carries."""
        return Markup('<input type="hidden" name="{}" value="{}"><input type="hidden" name="{}" value="{}">').format(
            TOKEN_FIELD, self.token, COMMAND_FIELD, self.command_id
        )

    def typed(self, name: str) -> str:
        """Give what was typed into a field."""
        value = self.values.get(name, "")
        return value if isinstance(value, str) else (value[0] if value else "")

    def chosen(self, name: str, option: str) -> bool:
        """Whether an option was chosen."""
        value = self.values.get(name, "")
        return option == value if isinstance(value, str) else option in value

    def error(self, name: str) -> str:
        """Give the message about a field, or nothing."""
        return next((error.message for error in self.errors if error.field == name), "")

    def refuse(self, name: str, message: str, **values: object) -> None:
        """Add an error that only the handler can know: the message is said in the reader's language."""
        self.value = None
        self.errors.append(FieldError(name, self.language.say(message, **values), name))


class Form(Generic[M]):
    """A form: its name, its model, and what to say about its fields.

    ``labels`` names the fields in the error summary, where what is wrong is said in general words.
    ``says`` maps ``field`` or ``field:error_type`` to a message marked with ``N_``. A validator of the model says its own
    by raising ``PydanticCustomError("slug", N_("..."))``. Fields left empty count as not given.
    """

    def __init__(
        self,
        name: str,
        model: type[M],
        *,
        says: Mapping[str, str] | None = None,
        labels: Mapping[str, str] | None = None,
        limit: int = LIMIT,
    ) -> None:
        self.name = name
        self.model = model
        self._says = dict(says or {})
        self._labels = dict(labels or {})
        self._limit = limit
        self._dates = {key for key, one in model.model_fields.items() if date in _types(one.annotation)}
        self._lists = {
            key for key, one in model.model_fields.items() if get_origin(one.annotation) in {list, set, tuple}
        }

    def blank(self, request: http.Request, values: Mapping[str, Any] | None = None) -> Filled[M]:
        """Give the form to be filled in, with a new command id; ``values`` are what stands in it already."""
        filled: dict[str, str | list[str]] = {}
        for name, value in (values or {}).items():
            match value:
                case None:
                    continue
                case date():
                    filled |= {
                        f"{name}-day": str(value.day),
                        f"{name}-month": str(value.month),
                        f"{name}-year": str(value.year),
                    }
                case bool():
                    filled[name] = "true" if value else ""
                case list() | tuple() | set() | frozenset():
                    filled[name] = [str(item) for item in value]
                case _:
                    filled[name] = str(value)
        return self._filled(request, filled, uuid4())

    async def read(self, request: http.Request) -> Filled[M]:
        """Read what was sent. Raises ``Problem`` 403 for a forged or outdated form, 413 and 415 for what is no form of ours."""
        sent = await _fields(request, self._limit)
        check_form_token(request, self.name, sent.get(TOKEN_FIELD, [""])[0])
        try:
            command_id = UUID(sent.get(COMMAND_FIELD, [""])[0])
        except ValueError:
            raise outdated() from None
        values: dict[str, str | list[str]] = {
            name: given if name in self._lists else given[-1]
            for name, given in sent.items()
            if name not in {TOKEN_FIELD, COMMAND_FIELD}
        }
        filled = self._filled(request, values, command_id)
        self._validate(filled)
        return filled

    def _filled(self, request: http.Request, values: Mapping[str, str | list[str]], command_id: UUID) -> Filled[M]:
        return Filled(self.name, values, command_id, form_token(request, self.name), language_of(request))

    def _validate(self, filled: Filled[M]) -> None:
        wanted: dict[str, Any] = {}
        wrong: dict[str, FieldError] = {}
        for name in self.model.model_fields:
            if name in self._dates:
                given, problem = _date(filled, name)
                if problem:
                    wrong[name] = self._error(filled, name, problem, {}, "")
                elif given:
                    wanted[name] = given
            elif isinstance(given_list := filled.values.get(name), list):
                wanted[name] = [item for item in given_list if item]
            elif typed := filled.typed(name).strip():
                wanted[name] = typed
        try:
            value = self.model.model_validate(wanted)
        except ValidationError as error:
            for one in error.errors(include_url=False, include_input=False):
                name = str(one["loc"][0]) if one["loc"] else ""
                wrong.setdefault(name, self._error(filled, name, one["type"], one.get("ctx", {}), one["msg"]))
        else:
            filled.value = None if wrong else value
        order = ["", *self.model.model_fields]
        filled.errors = sorted(wrong.values(), key=lambda one: order.index(one.field) if one.field in order else 0)

    def _error(self, filled: Filled[M], name: str, kind: str, context: Mapping[str, Any], own: str) -> FieldError:
        """Say what is wrong: in the form's words for the field, else in a validator's own, else in general ones."""
        said = self._says.get(f"{name}:{kind}") or self._says.get(name)
        if said is None and filled.language.knows(own):
            said = own
        message = filled.language.say(said or MESSAGES.get(kind, MESSAGES[""]), **context)
        label = filled.language.say(self._labels[name]) if said is None and name in self._labels else ""
        return FieldError(name, message, f"{name}-day" if name in self._dates else name, label)


def _types(annotation: Any) -> tuple[Any, ...]:
    return get_args(annotation) or (annotation,)


def _date(filled: Filled[Any], name: str) -> tuple[date | None, str]:
    """Read a date from its three fields: the date, or the kind of error, or neither where nothing was typed."""
    day, month, year = (filled.typed(f"{name}-{part}").strip() for part in DATE_PARTS)
    if not (day or month or year):
        return None, ""
    if not (day and month and year):
        return None, "date_incomplete"
    try:
        if not (day + month + year).isdecimal() or len(year) != 4:
            raise ValueError
        return date(int(year), int(month), int(day)), ""
    except ValueError:
        return None, "date"


async def _fields(request: http.Request, limit: int) -> dict[str, list[str]]:
    if request.content_type != KIND:
        raise Problem("media-type", f"Send the form as {KIND}.", status=415)
    raw = await read_body(request, limit)
    try:
        pairs = parse_qsl(raw.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=MOST_FIELDS)
    except ValueError:
        raise Problem("form-unreadable", "The form cannot be read.", status=400) from None
    found: dict[str, list[str]] = {}
    for name, value in pairs:
        # Browsers write line ends as CR LF; what PostgreSQL cannot keep is no part of any answer.
        found.setdefault(name, []).append(value.replace("\r\n", "\n").replace("\0", ""))
    return found
