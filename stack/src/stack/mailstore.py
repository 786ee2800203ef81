"""What the local mail server has accepted, kept in one small file."""

from __future__ import annotations

import email
import email.policy
import json
import sqlite3
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path
from typing import Any

TABLE = """
CREATE TABLE IF NOT EXISTS mails (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    received TEXT NOT NULL,
    sender TEXT NOT NULL,
    recipients TEXT NOT NULL,
    message_id TEXT NOT NULL,
    subject TEXT NOT NULL,
    raw BLOB NOT NULL
)
"""


@dataclass(frozen=True, slots=True)
class Mail:
    """One accepted mail: its envelope, and what a reader sees of it."""

    id: int
    received: str
    sender: str
    recipients: tuple[str, ...]
    message_id: str
    subject: str
    text: str
    html: str
    headers: dict[str, str]

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


class MailStore:
    """Accepted mails, newest first."""

    def __init__(self, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        self._file = sqlite3.connect(file)
        file.chmod(0o600)
        self._file.execute("PRAGMA journal_mode=WAL")
        self._file.execute("PRAGMA synchronous=NORMAL")  # what was accepted survives a kill of this process
        self._file.execute(TABLE)
        self._file.commit()

    def add(self, sender: str, recipients: list[str], raw: bytes) -> int:
        parsed = _parse(raw)
        with self._file:
            made = self._file.execute(
                "INSERT INTO mails (received, sender, recipients, message_id, subject, raw) VALUES (?, ?, ?, ?, ?, ?)",
                (
                    datetime.now(UTC).isoformat(timespec="milliseconds"),
                    sender,
                    json.dumps(recipients),
                    str(parsed["Message-ID"] or "").strip(),
                    str(parsed["Subject"] or ""),
                    raw,
                ),
            )
        return int(made.lastrowid or 0)

    def find(self, to: str = "", message_id: str = "", after: int = 0, limit: int = 200) -> list[Mail]:
        """Mails to an address (part of it is enough) or with a Message-ID, with a number above `after`."""
        rows = self._file.execute(
            "SELECT id, received, sender, recipients, raw FROM mails"
            " WHERE id > ? AND (? = '' OR instr(lower(recipients), lower(?)) > 0) AND (? = '' OR message_id = ?)"
            " ORDER BY id DESC LIMIT ?",
            (after, to, to, message_id, message_id, limit),
        )
        return [_mail(*row) for row in rows]

    def get(self, number: int) -> Mail | None:
        row = self._file.execute(
            "SELECT id, received, sender, recipients, raw FROM mails WHERE id = ?", (number,)
        ).fetchone()
        return _mail(*row) if row else None

    def raw(self, number: int) -> bytes | None:
        row = self._file.execute("SELECT raw FROM mails WHERE id = ?", (number,)).fetchone()
        return bytes(row[0]) if row else None

    def count(self) -> int:
        return int(self._file.execute("SELECT count(*) FROM mails").fetchone()[0])

    def clear(self) -> int:
        with self._file:
            return self._file.execute("DELETE FROM mails").rowcount

    def close(self) -> None:
        self._file.close()


def _parse(raw: bytes) -> EmailMessage:
    return email.message_from_bytes(raw, _class=EmailMessage, policy=email.policy.default)


def _mail(number: int, received: str, sender: str, recipients: str, raw: bytes) -> Mail:
    parsed = _parse(raw)
    return Mail(
        id=number,
        received=received,
        sender=sender,
        recipients=tuple(json.loads(recipients)),
        message_id=str(parsed["Message-ID"] or "").strip(),
        subject=str(parsed["Subject"] or ""),
        text=_body(parsed, "plain"),
        html=_body(parsed, "html"),
        headers={name: str(value) for name, value in parsed.items()},
    )


def _body(parsed: EmailMessage, kind: str) -> str:
    part = parsed.get_body((kind,))
    if part is None:
        return ""
    try:
        return str(part.get_content())
    except (LookupError, UnicodeError):  # an encoding that nobody knows: show what can be shown
        payload = part.get_payload(decode=True)
        return payload.decode("utf-8", "replace") if isinstance(payload, bytes) else str(payload)
