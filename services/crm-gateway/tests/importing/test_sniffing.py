"""What a file is, by its bytes."""

from __future__ import annotations

import csv
import io
import tempfile
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_gateway.importing import ImportRefused
from crm_gateway.importing.sniffing import sniff
from crm_gateway.importing.tables import Tables

HEADER = ["Kundennummer", "Vorname", "Nachname", "E-Mail", "Straße", "Geburtstag"]
CELL = st.text(st.sampled_from("abcäöüßÄÖÜåéñ xyz0189,;|\t'\"\n=+-@.:()/\\"), max_size=14).filter(
    lambda t: t == t.strip() and '\\"' not in t
)
ROWS = st.lists(st.lists(CELL, min_size=6, max_size=6).filter(any), min_size=1, max_size=12)


@settings(max_examples=250, deadline=None)
@given(
    ROWS,
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"]),
    st.sampled_from([",", ";", "\t", "|"]),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]),
    st.sampled_from(["\n", "\r\n"]),
)
def test_a_table_is_read_back_however_it_was_written(
    rows: list[list[str]], encoding: str, delimiter: str, quoting: int, end: str
) -> None:
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, quoting=quoting, lineterminator=end).writerows([HEADER, *rows])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "export.csv"
        path.write_bytes(text.getvalue().encode(encoding))
        form = sniff(path)
        with Tables(path, form) as tables:
            read = [cells for _, cells in tables.rows("")]
    assert form.delimiter == delimiter
    assert read == [HEADER, *rows]


@pytest.mark.parametrize(
    ("encoding", "shown"),
    [
        ("utf-8", "UTF-8"),
        ("utf-8-sig", "UTF-8 with BOM"),
        ("utf-16", "UTF-16 LE"),
        ("utf-16-be", "UTF-16 BE"),
        ("cp1252", "Windows-1252"),
    ],
)
def test_the_encoding_is_shown(imported, encoding: str, shown: str) -> None:
    result = imported("ID;Vorname;Ort\n1;Jürgen;Köln\n", encoding=encoding)
    assert (result.layout.form.encoding, result.persons[0]["first_name"]) == (shown, "Jürgen")


def test_an_encoding_that_was_guessed_is_said_to_be_one(imported) -> None:
    result = imported("ID;Vorname;Ort\n1;Jürgen;Köln\n2;Grażyna;Łódź\n3;Żółć;Świętochłowice\n" * 20, encoding="cp1250")
    assert "guess" in result.layout.notices[0]


def test_an_excel_line_that_names_the_delimiter_is_followed(imported) -> None:
    assert imported("sep=|\r\nID|Vorname\r\n1|Anna; Bo\r\n").persons == [{"first_name": "Anna; Bo"}]


def test_backslashes_before_quotes_are_understood(imported) -> None:
    assert (
        imported('"ID","Vorname","Notiz"\n"1","Anna","sagt \\"ja, gern\\""\n').persons[0]["custom.notiz"]
        == 'sagt "ja, gern"'
    )


def zipped(*names: str) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name in names:
            archive.writestr(name, "x")
    return data.getvalue()


OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


@pytest.mark.parametrize(
    ("content", "slug", "advice"),
    [
        (b"", "empty-file", "Export it"),
        (b"\xef\xbb\xbf \r\n", "empty-file", "Export it"),
        (OLE + b"\0" * 600, "old-workbook", "Save it as .xlsx or CSV"),
        (OLE + b"\0" * 600 + "EncryptedPackage".encode("utf-16-le"), "password-protected", "without one"),
        (zipped("customers.csv"), "archive", "Unpack it"),
        (zipped("content.xml", "mimetype"), "open-document", "Save the table"),
        (zipped("[Content_Types].xml", "xl/workbook.bin"), "binary-workbook", "Save it as .xlsx"),
        (zipped("[Content_Types].xml", "xl/workbook.xml"), "damaged-workbook", "save it again"),
        (b"PK\x03\x04 cut off", "damaged-workbook", "Save it again"),
        (b"%PDF-1.7", "foreign-format", "CSV or .xlsx"),
        (bytes(range(256)) * 40, "binary", "CSV, .xlsx"),
        (b"BEGIN:VCARD\nVERSION:3.0\n", "vcard", "as CSV"),
        (b"<html><table><tr><td>ID</td></tr></table></html>", "markup", "save it as .xlsx"),
        (b'[{"id": 1}]', "json-array", "one JSON object on each line"),
        ("ID,Vorname\n1,Jü".encode()[:-1], "cut-off", "cut off"),
        ("ä;ö;ü;ß;Ä\n".encode() + "Jürgen\n".encode("cp1252"), "mixed-encoding", "all of it as UTF-8"),
        (b"1,anna@example.org\n2,bo@example.org\n", "no-header", "names"),
        (b"ID,Vorname\n", "no-rows", "no rows"),
        (b'ID,Vorname\n1,Anna\n2,"Bo\n3,Cy\n', "open-quote", "row 3"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_with_what_to_do(
    imported, content: bytes, slug: str, advice: str
) -> None:
    with pytest.raises(ImportRefused) as refused:
        imported(content)
    assert refused.value.slug == slug
    assert advice.casefold() in refused.value.message.casefold()


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    for path, slug in ((tmp_path / "none.csv", "no-such-file"), (tmp_path, "not-a-file")):
        with pytest.raises(ImportRefused) as refused:
            sniff(path)
        assert refused.value.slug == slug
