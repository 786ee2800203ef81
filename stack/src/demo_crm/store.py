"""What the CRM keeps: customers, their records and consents, what it has yet to say, and what it was told.

Every change is written in one transaction with the message that tells of it, so that a kill in between loses neither.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

from demo_crm import messages
from demo_crm.customers import SELLER, Customer, Record, Tick
from demo_crm.messages import Message

SCHEMA = files("demo_crm") / "schema.sql"
BUT_THE_TYPE = "message = json_object('type', json_extract(message, '$.type'))"
"""What was taken over is not kept twice: of the message its type stays, for the list of what was said."""


class NoSuchCustomer(Exception):
    """Nobody has this number, or not any more."""


@dataclass(frozen=True, slots=True)
class KnownTick:
    """What the CRM believes of one consent. ``source`` is ``crm`` for its own staff, ``gdpr`` for what it was told."""

    kind: str
    state: str
    since: datetime
    source: str
    method: str | None
    evidence: str | None
    wording: int | None
    event: str | None


@dataclass(frozen=True, slots=True)
class Kept:
    """A customer as the pages show them."""

    ref: str
    fields: Mapping[str, Any]
    changed: datetime
    ticks: Mapping[str, KnownTick]
    records: tuple[Record, ...] = ()


@dataclass(frozen=True, slots=True)
class Told:
    """What the gateway tells: the state of one consent of one customer, by one message."""

    message: str
    customer: str
    kind: str
    state: str
    since: str
    method: str | None = None
    wording: int | None = None
    event: str | None = None


class Store:
    """One SQLite file."""

    def __init__(self, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(file, isolation_level=None)
        self._db.row_factory = sqlite3.Row
        self._db.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA secure_delete = ON;")
        self._db.executescript(SCHEMA.read_text(encoding="utf-8"))

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    @contextmanager
    def _together(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    # Customers

    def begin_with(self, customers: Iterable[Customer]) -> bool:
        """Fill an empty CRM, once for ever: whoever deletes all customers has none. Tells whether it was empty."""
        with self._together():
            if self.noted("filled"):
                return False
            for customer in customers:
                self._fill(customer)
            self._note("filled", "yes")
        return True

    def _fill(self, customer: Customer) -> None:
        ref = customer.ref
        self._put(ref, customer.fields, customer.changed)
        self._say(messages.person_changed(f"{ref}-0", ref, customer.changed, SELLER, customer.fields, full=True))
        for record in customer.records:
            at = f"{record.at}T12:00:00+00:00"
            self._put_record(ref, record)
            self._say(
                messages.record_changed(
                    f"{ref}-{record.ref}-0", ref, at, SELLER, kind=record.kind, record=record.ref, fields=record.fields
                )
            )
        for tick in customer.ticks:
            self._tick(ref, tick, f"{ref}-{tick.kind}-0")

    def customers(self) -> list[Kept]:
        """All customers by number, without their records."""
        ticks: dict[str, dict[str, KnownTick]] = {}
        for row in self._db.execute("SELECT * FROM ticks"):
            ticks.setdefault(row["customer"], {})[row["kind"]] = _tick(row)
        rows = self._db.execute("SELECT * FROM customers ORDER BY ref")
        return [_kept(row, ticks.get(row["ref"], {})) for row in rows]

    def customer(self, ref: str) -> Kept:
        """One customer with everything. Raises ``NoSuchCustomer``."""
        row = self._db.execute("SELECT * FROM customers WHERE ref = ?", (ref,)).fetchone()
        if row is None:
            raise NoSuchCustomer
        ticks = {t["kind"]: _tick(t) for t in self._db.execute("SELECT * FROM ticks WHERE customer = ?", (ref,))}
        records = self._db.execute("SELECT * FROM records WHERE customer = ? ORDER BY at DESC, ref DESC", (ref,))
        return _kept(row, ticks, tuple(Record(r["kind"], r["ref"], r["at"], json.loads(r["fields"])) for r in records))

    def admit(self, id: str, fields: Mapping[str, Any], at: str, by: str) -> str:
        """Take in a new customer; gives the number. The same form sent twice is one customer."""
        with self._together():
            again = self._db.execute("SELECT customer FROM news WHERE id = ?", (id,)).fetchone()
            if again:
                return str(again["customer"])
            # A number is never given twice, since the other side knows the deleted ones too.
            number = int(self.noted("last_number") or "1036") + 1
            self._note("last_number", str(number))
            ref = f"K-{number}"
            own = {"customer_number": str(number), **fields}
            self._put(ref, own, at)
            self._say(messages.person_changed(id, ref, at, by, own, full=True))
        return ref

    def change(self, id: str, ref: str, fields: Mapping[str, Any], at: str, by: str) -> list[str]:
        """Take over a form; only what differs is said. Gives the names of the fields that do. Raises ``NoSuchCustomer``."""
        with self._together():
            before = self.customer(ref).fields
            changed = {name: value for name, value in fields.items() if before.get(name) != value}
            if changed:
                self._put(ref, {k: v for k, v in {**before, **changed}.items() if v is not None}, at)
                self._say(messages.person_changed(id, ref, at, by, changed))
        return list(changed)

    def delete(self, id: str, ref: str, at: str, by: str) -> None:
        """Remove a customer with everything. Raises ``NoSuchCustomer``."""
        with self._together():
            self.customer(ref)
            for table, column in (("customers", "ref"), ("records", "customer"), ("ticks", "customer")):
                self._db.execute(f"DELETE FROM {table} WHERE {column} = ?", (ref,))  # noqa: S608 names of ours
            self._db.execute(f"UPDATE news SET {BUT_THE_TYPE} WHERE customer = ? AND state <> 'waiting'", (ref,))  # noqa: S608
            self._say(messages.person_removed(id, ref, at, by))

    def add_record(self, id: str, ref: str, record: Record, at: str, by: str) -> None:
        """Add an order, a note or a ticket. Raises ``NoSuchCustomer``."""
        with self._together():
            self.customer(ref)
            self._put_record(ref, record)
            self._say(
                messages.record_changed(id, ref, at, by, kind=record.kind, record=record.ref, fields=record.fields)
            )

    def tick(self, id: str, ref: str, tick: Tick, by: str) -> None:
        """Record a consent or a withdrawal that one of our staff heard of. Raises ``NoSuchCustomer``."""
        with self._together():
            self.customer(ref)
            self._tick(ref, tick, id, by)

    def _put(self, ref: str, fields: Mapping[str, Any], changed: str) -> None:
        self._db.execute(
            "INSERT INTO customers VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET fields = excluded.fields, changed = excluded.changed",
            (ref, _json(fields), changed),
        )

    def _put_record(self, ref: str, record: Record) -> None:
        self._db.execute(
            "INSERT INTO records VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET at = excluded.at, fields = excluded.fields",
            (ref, record.kind, record.ref, record.at, _json(record.fields)),
        )

    def _tick(self, ref: str, tick: Tick, id: str, by: str = SELLER) -> None:
        self._believe(ref, tick, source="crm")
        if tick.state == "given":
            said = messages.consent_recorded(id, ref, tick.since, by, kind=tick.kind, evidence=tick.evidence)
        else:
            said = messages.consent_withdrawn(id, ref, tick.since, by, kind=tick.kind)
        self._say(said)

    def _believe(
        self,
        ref: str,
        tick: Tick,
        *,
        source: str,
        method: str | None = None,
        wording: int | None = None,
        event: str | None = None,
    ) -> bool:
        """Take over the newest act: late news of an older one changes nothing, and at one moment a no comes before a yes."""
        row = self._db.execute("SELECT * FROM ticks WHERE customer = ? AND kind = ?", (ref, tick.kind)).fetchone()
        known = (datetime.fromisoformat(row["since"]), row["state"] != "given") if row else None
        if known and (datetime.fromisoformat(tick.since), tick.state != "given") < known:
            return False
        self._db.execute(
            "INSERT OR REPLACE INTO ticks VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (ref, tick.kind, tick.state, tick.since, source, method, tick.evidence, wording, event),
        )
        return True

    # What we have yet to say

    def _say(self, message: Message) -> None:
        self._db.execute(
            "INSERT INTO news (id, customer, message, made) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
            (message["id"], message["crm_ref"], _json(message), message["occurred"]),
        )

    def waiting(self, limit: int) -> list[tuple[int, Message]]:
        """Give what has not been taken over yet, oldest first."""
        rows = self._db.execute("SELECT n, message FROM news WHERE state = 'waiting' ORDER BY n LIMIT ?", (limit,))
        return [(row["n"], json.loads(row["message"])) for row in rows]

    def count_waiting(self) -> int:
        """Say how many that are."""
        return int(self._db.execute("SELECT count(*) FROM news WHERE state = 'waiting'").fetchone()[0])

    def answered(self, answers: Mapping[int, str | None]) -> None:
        """Note the gateway's answers: nothing where it took the message over, else why not."""
        with self._together():
            for n, why in answers.items():
                if why is None:
                    self._db.execute(f"UPDATE news SET state = 'taken', {BUT_THE_TYPE} WHERE n = ?", (n,))  # noqa: S608
                else:
                    self._db.execute("UPDATE news SET state = 'refused', answer = ? WHERE n = ?", (why, n))

    def said(self, limit: int, customer: str | None = None) -> list[sqlite3.Row]:
        """Give the newest messages, of one customer or of all."""
        return self._db.execute(
            "SELECT n, customer, made, state, answer, json_extract(message, '$.type') AS type FROM news"
            " WHERE ?1 IS NULL OR customer = ?1 ORDER BY n DESC LIMIT ?2",
            (customer, limit),
        ).fetchall()

    # What we were told

    def take_over(self, told: Told, door: str, at: str) -> bool:
        """Take over what the gateway tells, and answer it. Tells whether it was new."""
        with self._together():
            if self._is_known(told.message):
                return False
            known = self._db.execute("SELECT 1 FROM customers WHERE ref = ?", (told.customer,)).fetchone()
            if not known:
                result = "refused"
                self._say(messages.refused(told.customer, at, told.message, "There is no such customer here."))
            else:
                tick = Tick(told.kind, told.state, told.since)
                newer = self._believe(
                    told.customer, tick, source="gdpr", method=told.method, wording=told.wording, event=told.event
                )
                result = "taken" if newer else "overtaken"
                self._say(messages.confirmed(told.customer, at, told.message))
            self._hear(told.message, told.customer, told.kind, told.state, door, at, result)
        return True

    def refuse(self, message: str, customer: str, door: str, at: str, reason: str) -> None:
        """Answer a message that this CRM does not understand."""
        with self._together():
            if not self._is_known(message):
                self._say(messages.refused(customer, at, message, reason))
                self._hear(message, customer, None, None, door, at, "refused")

    def heard(self, limit: int) -> list[sqlite3.Row]:
        """Give what we were told last, newest first."""
        return self._db.execute("SELECT * FROM told ORDER BY at DESC, rowid DESC LIMIT ?", (limit,)).fetchall()

    def _is_known(self, message: str) -> bool:
        return self._db.execute("SELECT 1 FROM told WHERE message = ?", (message,)).fetchone() is not None

    def _hear(self, *row: str | None) -> None:
        self._db.execute("INSERT INTO told VALUES (?, ?, ?, ?, ?, ?, ?)", row)

    # Notes to self

    @property
    def position(self) -> int:
        """How far the feed was read."""
        return int(self.noted("position") or "0")

    @position.setter
    def position(self, value: int) -> None:
        self._note("position", str(value))

    @property
    def introduced(self) -> bool:
        """Whether the gateway once took over everything that this CRM began with."""
        return self.noted("introduced") == "yes"

    def introduce(self) -> None:
        """Note that it did."""
        self._note("introduced", "yes")

    def noted(self, name: str) -> str | None:
        """Give a note."""
        row = self._db.execute("SELECT value FROM notes_to_self WHERE name = ?", (name,)).fetchone()
        return str(row["value"]) if row else None

    def _note(self, name: str, value: str) -> None:
        self._db.execute("INSERT OR REPLACE INTO notes_to_self VALUES (?, ?)", (name, value))


def _kept(row: sqlite3.Row, ticks: Mapping[str, KnownTick], records: tuple[Record, ...] = ()) -> Kept:
    return Kept(row["ref"], json.loads(row["fields"]), datetime.fromisoformat(row["changed"]), ticks, records)


def _tick(row: sqlite3.Row) -> KnownTick:
    return KnownTick(
        row["kind"], row["state"], datetime.fromisoformat(row["since"]), row["source"], row["method"], row["evidence"],
        row["wording"], row["event"],
    )  # fmt: skip


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
