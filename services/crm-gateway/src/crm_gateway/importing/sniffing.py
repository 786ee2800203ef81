"""What a file is, by its bytes: its format, its encoding, and for text the delimiter and the quotes. What it finds is shown, not hidden."""

from __future__ import annotations

import codecs
import csv
import io
import json
import re
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Literal

import charset_normalizer

from crm_gateway.importing.headers import looks_like_consent, recognise
from crm_gateway.importing.refusals import ImportRefused

Format = Literal["CSV", "TSV", "XLSX", "JSONL"]
SAMPLE = 256 * 1024
MAX_CELL = 100_000
MAX_CSV_CELL = 64 * 1024 * 1024
DELIMITERS = (",", ";", "\t", "|")

_OLE, _ZIP = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"PK\x03\x04"
_FOREIGN: tuple[tuple[bytes, str], ...] = (
    (b"%PDF", "This is a PDF. Export the data from the CRM as CSV or .xlsx and import that."),
    (b"\x1f\x8b", "This file is packed with gzip. Unpack it and import the file inside."),
    (b"Rar!", "This is an archive. Unpack it and import the file inside."),
    (b"7z\xbc\xaf", "This is an archive. Unpack it and import the file inside."),
    (b"PAR1", "This is a Parquet file. Export the data as CSV, .xlsx or JSON lines and import that."),
    (b"SQLite format 3", "This is a database file. Export its table as CSV and import that."),
    (b"{\\rtf", "This is a text document. Save the table as CSV or .xlsx and import that."),
)
_MARKS: tuple[tuple[bytes, str, str], ...] = (
    (codecs.BOM_UTF8, "utf-8-sig", "UTF-8 with BOM"),
    (codecs.BOM_UTF32_LE, "utf-32", "UTF-32"),
    (codecs.BOM_UTF16_LE, "utf-16", "UTF-16 LE"),
    (codecs.BOM_UTF16_BE, "utf-16", "UTF-16 BE"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """How the bytes of a file become rows. ``codec`` is Python's name of the encoding, ``encoding`` the one to show."""

    format: Format
    codec: str = "utf-8"
    encoding: str = "UTF-8"
    delimiter: str = ","
    quote: str = '"'
    escape: str | None = None
    first_line_names_delimiter: bool = False
    messages: bool = False
    guessed: bool = False


def sniff(path: Path, *, encoding: str | None = None, delimiter: str | None = None) -> Form:
    """Tell how the file is to be read, or refuse it with what to do instead."""
    if not path.exists():
        raise ImportRefused("no-such-file", "There is no such file. Check the path.")
    if not path.is_file():
        raise ImportRefused("not-a-file", "This is not a file. Give the path of one export file.")
    with path.open("rb") as file:
        head = file.read(SAMPLE)
    if not head.strip(b"\x00 \t\r\n\xef\xbb\xbf\xff\xfe"):
        raise ImportRefused("empty-file", "The file is empty. Export it from the CRM again.")
    _refuse_foreign(path, head)
    if head.startswith(_ZIP):
        return Form(format="XLSX", encoding="XLSX")
    codec, shown, guessed = _named(encoding) if encoding else _encoding(path, head)
    text = _sample(head, codec, whole=path.stat().st_size <= SAMPLE)
    _refuse_markup(text)
    if text.lstrip().startswith("{"):
        return Form(format="JSONL", codec=codec, encoding=shown, messages=_holds_messages(text))
    form = _dialect(text, delimiter)
    return Form(
        format="TSV" if form.delimiter == "\t" else "CSV",
        codec=codec,
        encoding=shown,
        delimiter=form.delimiter,
        quote=form.quote,
        escape=form.escape,
        first_line_names_delimiter=form.first_line_names_delimiter,
        guessed=guessed,
    )


def _refuse_foreign(path: Path, head: bytes) -> None:
    if head.startswith(_OLE):
        with path.open("rb") as file:
            start = file.read(4 * 1024 * 1024)
        if "EncryptedPackage".encode("utf-16-le") in start:
            raise ImportRefused(
                "password-protected", "This workbook is protected by a password. Save it without one and import that."
            )
        raise ImportRefused("old-workbook", "This is an old .xls workbook. Save it as .xlsx or CSV and import that.")
    for magic, message in _FOREIGN:
        if head.startswith(magic):
            raise ImportRefused("foreign-format", message)
    if head.startswith(_ZIP):
        _refuse_other_zip(path)
    elif head.startswith(b"PK"):
        raise ImportRefused(
            "archive", "This is a ZIP archive with nothing to read in it. Export the file from the CRM again."
        )


def _refuse_other_zip(path: Path) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            names = set(archive.namelist())
            size = sum(i.file_size for i in archive.infolist())
            locked = any(i.flag_bits & 1 for i in archive.infolist())
    except (zipfile.BadZipFile, OSError, RuntimeError, ValueError) as broken:
        raise ImportRefused(
            "damaged-workbook", "The file is damaged or was cut off. Save it again as .xlsx or CSV and import that."
        ) from broken
    if locked:
        raise ImportRefused(
            "password-protected", "This file is protected by a password. Save it without one and import that."
        )
    if "xl/workbook.bin" in names:
        raise ImportRefused(
            "binary-workbook", "This is a binary workbook (.xlsb). Save it as .xlsx or CSV and import that."
        )
    if "content.xml" in names:
        raise ImportRefused(
            "open-document", "This is an OpenDocument file. Save the table as .xlsx or CSV and import that."
        )
    if "[Content_Types].xml" not in names or not any(n.startswith("xl/") for n in names):
        raise ImportRefused("archive", "This is a ZIP archive, not a workbook. Unpack it and import the file inside.")
    if size > 4 * 1024**3:
        raise ImportRefused(
            "too-large", "The workbook is larger than 4 GB when unpacked. Export it as CSV, or in several files."
        )


def _refuse_markup(text: str) -> None:
    start = text.lstrip()[:200].casefold()
    if start.startswith("begin:vcard"):
        raise ImportRefused("vcard", "This is a vCard file. Export the contacts as CSV and import that.")
    if start.startswith(("<html", "<!doctype", "<table", "<?xml", "<meta", "<head")):
        raise ImportRefused(
            "markup",
            "This is a web page or XML, whatever its name says. Open it in Excel, save it as .xlsx or CSV and import that.",
        )
    if start.startswith("["):
        raise ImportRefused(
            "json-array", "This is one JSON array. Write one JSON object on each line (JSON lines) and import that."
        )


def _named(encoding: str) -> tuple[str, str, bool]:
    try:
        return codecs.lookup(encoding).name, encoding, False
    except LookupError as unknown:
        raise ImportRefused(
            "unknown-encoding", "There is no such encoding. Use for example utf-8, utf-16 or windows-1252."
        ) from unknown


def _encoding(path: Path, head: bytes) -> tuple[str, str, bool]:
    for mark, codec, shown in _MARKS:
        if head.startswith(mark):
            return codec, shown, False
    even, odd = head[:8192:2].count(0), head[1:8192:2].count(0)
    half = max(1, len(head[:8192]) // 2)
    if odd > 0.3 * half and even < 0.1 * half:
        return "utf-16-le", "UTF-16 LE", False
    if even > 0.3 * half and odd < 0.1 * half:
        return "utf-16-be", "UTF-16 BE", False
    controls = sum(head.count(c) for c in range(32) if c not in (9, 10, 11, 12, 13, 26))
    if controls > max(8, len(head) // 50):
        raise ImportRefused(
            "binary",
            "This is not a table: the file is binary. Export the data as CSV, .xlsx or JSON lines and import that.",
        )
    if _is_utf8(path):
        return "utf-8", "UTF-8", False
    return _legacy(path)


def _is_utf8(path: Path) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    with path.open("rb") as file:
        try:
            while chunk := file.read(1 << 20):
                decoder.decode(chunk)
        except UnicodeDecodeError:
            return False
    if decoder.getstate()[0]:
        raise ImportRefused(
            "cut-off", "The file ends in the middle of a letter: it was cut off. Export or copy it again."
        )
    return True


def _legacy(path: Path) -> tuple[str, str, bool]:
    """Not UTF-8: Windows-1252, unless its reading makes no words; then the likeliest other one, marked as a guess."""
    with path.open("rb") as file:
        data = b"".join(islice((line for line in file if not line.isascii()), 2000))[: 4 * SAMPLE]
    valid = len(re.findall(rb"[\xc3-\xdf][\x80-\xbf]|[\xe2-\xef][\x80-\xbf]{2}", data))
    high = sum(data.count(bytes([b])) for b in range(0x80, 0x100))
    if valid >= 3 and valid * 2 > high * 0.6:
        raise ImportRefused(
            "mixed-encoding",
            "The file is UTF-8 in one part and something else in another. Export it again, all of it as UTF-8.",
        )
    try:
        text = data.decode("cp1252")
    except UnicodeDecodeError:
        text = ""
    strange = [c for c in text if ord(c) >= 0x80]
    likely = sum((c.isalpha() and c not in "ÿþƒ") or c in "€–—„“”’‘§°´«»\xa0…®©" for c in strange)
    inside_words = len(
        re.findall(r"(?<=[a-zA-Z])[„”‚ŠšŸŽž](?=[a-z])", text)
    )  # what ä, ö, ü of DOS and old Macs look like here
    if strange and likely >= 0.9 * len(strange) and inside_words * 2 < len(strange):
        return "cp1252", "Windows-1252", False
    best = charset_normalizer.from_bytes(data, cp_exclusion=["utf_8", "utf_16", "utf_32", "ascii"]).best()
    codec = codecs.lookup(best.encoding).name if best else "cp1252"
    return (codec, codec, True) if codec != "cp1252" and best else ("cp1252", "Windows-1252", True)


def _sample(head: bytes, codec: str, *, whole: bool) -> str:
    text = codecs.getincrementaldecoder(codec)(errors="replace").decode(head, whole)
    return text if whole else text[: text.rfind("\n") + 1] or text


def _holds_messages(text: str) -> bool:
    try:
        first = json.loads(text.lstrip().split("\n", 1)[0])
    except ValueError:
        return False
    return isinstance(first, dict) and str(first.get("type", "")).startswith("crm.")


@dataclass(frozen=True, slots=True)
class _Dialect:
    delimiter: str
    quote: str
    escape: str | None
    first_line_names_delimiter: bool = False


def _dialect(text: str, wanted: str | None) -> _Dialect:
    named = re.match(r"sep=(.)\r?\n", text)
    if named:
        text, wanted = text[named.end() :], wanted or named[1]
    quotes: list[tuple[str, str | None]] = [('"', None)]
    if '\\"' in text:
        quotes.append(('"', "\\"))
    if text.lstrip().startswith("'"):
        quotes.append(("'", None))
    tried = [_Dialect(d, q, e, bool(named)) for d in ([wanted] if wanted else DELIMITERS) for q, e in quotes]
    return max(tried, key=lambda d: _fits(text, d))


def _fits(text: str, dialect: _Dialect) -> tuple[int, float, int]:
    """How well a dialect fits: columns that we know by name, then rows of the same width, then the width."""
    known = ragged = 0
    widths: list[int] = []
    for row in records(io.StringIO(text, newline=""), dialect.delimiter, dialect.quote, dialect.escape):
        if any(cell.strip() for cell in row):
            if len(widths) < 5:
                known = max(
                    known, sum(1 for c in row if len(c) < 80 and (recognise(c) or looks_like_consent(c) is not None))
                )
            widths.append(len(row))
        if len(widths) >= 100:
            break
    if not widths:
        return 0, 0.0, 0
    usual = max(set(widths), key=widths.count)
    ragged = sum(1 for w in widths if w != usual)
    if usual == 1:
        return known, 0.0, 1
    return known, 1 - ragged / len(widths), usual


def records(lines: Iterable[str], delimiter: str, quote: str, escape: str | None) -> Iterator[list[str]]:
    """Read delimited text. Cells of any length come through, so that a row with one too long can be refused by itself."""
    csv.field_size_limit(MAX_CSV_CELL)
    return csv.reader(lines, delimiter=delimiter, quotechar=quote, escapechar=escape, skipinitialspace=True)
