"""A cancellation that was meant for us, told from one that a library let out of a task of its own.

aiokafka does: a consumer that is stopped while the broker is away raises the ``CancelledError`` of its own fetches. Taken for ours
it would end a relay or a consumer without a word, and the service would stand there as if it were well.
"""

from __future__ import annotations

import asyncio


def is_ours() -> bool:
    """Tell, where a ``CancelledError`` was caught, whether this task is to end."""
    task = asyncio.current_task()
    return task is None or task.cancelling() > 0
