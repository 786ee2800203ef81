"""What can go wrong with the stack, said so that the reader knows what to do, and the exit code that goes with it."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """Exit codes of `gdpr`."""

    DONE = 0
    REFUSED = 1
    WRONG_USE = 2
    UNREACHABLE = 3


class StackError(Exception):
    """A reason why the stack or a command cannot go on: a stable slug, and a message that says what to do."""

    def __init__(self, slug: str, message: str, *, code: Exit = Exit.REFUSED) -> None:
        super().__init__(message)
        self.slug = slug
        self.message = message
        self.code = code
