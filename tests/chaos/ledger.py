"""What was said at the doors and what was answered: the promises that the checker holds the services to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal
from uuid import UUID

Door = Literal["crm-http", "crm-topic", "consent", "link", "portal"]


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer to one try. ``status`` is HTTP's; a record that the broker acknowledged counts as 202."""

    at: float
    status: int
    body: Any = None


@dataclass(slots=True)
class Command:
    """One command, however often it was sent: whoever loses the answer sends it again under the same id.

    ``id`` is what the owner remembers it by. ``marker`` stands in a command that must be refused and nowhere else. Commands of
    one ``burst`` were sent at the same moment and wanted the same thing.
    """

    door: Door
    owner: str
    id: UUID
    what: str
    sent: float
    subject: UUID | None = None
    kind: str | None = None
    marker: str | None = None
    burst: str | None = None
    tries: int = 0
    answers: list[Answer] = field(default_factory=list)

    @property
    def acknowledged(self) -> Answer | None:
        """The first answer that says yes."""
        return next((a for a in self.answers if a.status < 300), None)

    @property
    def refused(self) -> bool:
        """Whether it was refused: a no, and never a yes."""
        return bool(self.answers) and all(400 <= a.status < 500 for a in self.answers)


@dataclass(frozen=True, slots=True)
class Check:
    """One consent check that was answered in the storm."""

    subject: UUID
    kind: str
    asked: float
    answered: float
    allowed: bool
    event: UUID | None


@dataclass(slots=True)
class Ledger:
    """Everything that was said and answered."""

    commands: list[Command] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)
    fed: dict[UUID, int] = field(default_factory=dict)
    """What the CRM read in the feed: message and number."""
    garbage: set[str] = field(default_factory=set)
    """Where bad messages stand in `crm.inbound`: topic/partition/offset."""

    def add(self, command: Command) -> Command:
        """Write a command down, before it is sent."""
        self.commands.append(command)
        return command

    def acknowledged(self) -> Iterator[tuple[Command, Answer]]:
        """Every command that got a yes, with the first one."""
        for command in self.commands:
            if (answer := command.acknowledged) is not None:
                yield command, answer

    def unanswered(self) -> list[Command]:
        """Commands that nobody answered yes or no to."""
        return [c for c in self.commands if not c.answers]
