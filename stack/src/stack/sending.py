"""Sending messages to the CRM's door, many at once and some batches ahead: bounded in memory, and patient while the door is away.

Each message has an id, so that whatever is not answered is sent again, now or by the next run.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from queue import SimpleQueue
from typing import Any, Generic, TypeVar

from stack.client import Client
from stack.trouble import Exit, StackError

T = TypeVar("T")
Outcome = dict[str, Any]

DOOR = "/v1/crm/events"
MOST_MESSAGES = 400
MOST_BYTES = 2_000_000
LARGEST = 10_000_000
"""The door takes no body that is much larger; a single message of that size is refused here, without being sent."""
AT_ONCE = 3
PATIENCE = 60.0
TOO_LARGE: Outcome = {
    "status": "refused",
    "slug": "too-large",
    "pointer": "",
    "detail": "The row holds far too much for one message. Leave its largest columns out by a mapping file.",
}


class _Batch(Generic[T]):
    """Rows that go together, each with its messages."""

    def __init__(self) -> None:
        self.rows: list[tuple[T, Sequence[bytes]]] = []
        self.messages = 0
        self.size = 0

    def add(self, row: T, messages: Sequence[bytes]) -> None:
        self.rows.append((row, messages))
        self.messages += len(messages)
        self.size += sum(map(len, messages))

    @property
    def full(self) -> bool:
        return self.messages >= MOST_MESSAGES or self.size >= MOST_BYTES


class Sender:
    """The way to the door: a few connections, used by turns."""

    def __init__(self, connect: Callable[[], Client], *, patience: float = PATIENCE) -> None:
        self._connect = connect
        self._patience = patience
        self._clients: SimpleQueue[Client] = SimpleQueue()
        self._arrived = False
        self._stopped = False

    def send(self, rows: Iterable[tuple[T, Sequence[bytes]]]) -> Iterator[tuple[T, list[Outcome]]]:
        """Send the messages of each row; give each row, in its order, with the door's answers."""
        with ExitStack() as stack, ThreadPoolExecutor(AT_ONCE) as pool:
            for _ in range(AT_ONCE):
                self._clients.put(stack.enter_context(self._connect()))
            under_way: deque[tuple[_Batch[T], Future[list[Outcome]]]] = deque()
            try:
                for batch in _batches(rows):
                    under_way.append((batch, pool.submit(self._deliver, batch)))
                    if len(under_way) > AT_ONCE:
                        yield from _answered(*under_way.popleft())
                while under_way:
                    yield from _answered(*under_way.popleft())
            finally:
                self._stopped = True
                pool.shutdown(wait=False, cancel_futures=True)

    def _deliver(self, batch: _Batch[T]) -> list[Outcome]:
        lines = [line for _, messages in batch.rows for line in messages]
        sent = [line for line in lines if len(line) <= LARGEST]
        client = self._clients.get()
        try:
            answers = iter(self._insist(client, b"\n".join(sent)) if sent else ())
        finally:
            self._clients.put(client)
        return [next(answers) if len(line) <= LARGEST else TOO_LARGE for line in lines]

    def _insist(self, client: Client, content: bytes) -> list[Outcome]:
        """Post once and, where the door has answered before and is away now, again until patience ends."""
        deadline, pause = time.monotonic() + self._patience, 0.2
        while True:
            try:
                answers: list[Outcome] = client.request(
                    "POST", "crm-gateway", DOOR, content=content, content_type="application/x-ndjson"
                )
            except StackError as error:
                gone = error.code is Exit.UNREACHABLE
                if not gone or self._stopped or not self._arrived or time.monotonic() > deadline:
                    raise
            else:
                self._arrived = True
                return answers
            time.sleep(pause)
            pause = min(pause * 2, 3.0)


def _batches(rows: Iterable[tuple[T, Sequence[bytes]]]) -> Iterator[_Batch[T]]:
    batch: _Batch[T] = _Batch()
    for row, messages in rows:
        batch.add(row, messages)
        if batch.full:
            yield batch
            batch = _Batch()
    if batch.rows:
        yield batch


def _answered(batch: _Batch[T], answers: Future[list[Outcome]]) -> Iterator[tuple[T, list[Outcome]]]:
    given = iter(answers.result())
    for row, messages in batch.rows:
        yield row, [next(given) for _ in messages]
