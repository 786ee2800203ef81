"""Why a file, or a row of it, cannot be taken over: said to the member of staff who tries, with what to do.

No message holds what stands in a cell: it names the row and the column, so that nothing personal reaches a log.
"""

from __future__ import annotations


class ImportRefused(Exception):
    """The file as a whole cannot be read as it is. The message says what to do."""

    def __init__(self, slug: str, message: str) -> None:
        super().__init__(message)
        self.slug = slug
        self.message = message


class CellRefused(Exception):
    """One cell cannot be taken over, and with it its row."""

    def __init__(self, slug: str, message: str, column: str | None = None) -> None:
        super().__init__(message)
        self.slug = slug
        self.message = message
        self.column = column
