"""Everything that can go wrong inside the event machinery, drawn as a tree.

EventError
├── Unreadable          a record cannot be read: poison, the partition stops
├── ForeignLog          the topic holds what our store never wrote: an operator decides
├── Conflict            somebody else was faster on the same stream
├── TooLarge            the event does not fit into one record of the log
└── Fenced              the person is being erased or was: nothing new is recorded about them
"""

from __future__ import annotations


class EventError(Exception):
    """Something that the event machinery cannot do. Its text never holds personal data."""


class Unreadable(EventError):
    """The record cannot be read as an event."""


class ForeignLog(EventError):
    """The end of the topic is an event that this store does not know."""


class Conflict(EventError):
    """The stream has moved on since it was read."""


class TooLarge(EventError):
    """The event does not fit into one record of the log. Doors refuse such input long before."""


class Fenced(EventError):
    """The person has been erased; only an explicit re-admission lets them in again."""
