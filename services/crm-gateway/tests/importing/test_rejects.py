"""The file of rejected rows."""

from __future__ import annotations

import csv
import stat
from pathlib import Path

from crm_gateway.importing import RejectsFile


def test_rejected_rows_can_be_corrected_and_imported_again(imported, tmp_path: Path) -> None:
    result = imported("ID;Vorname;Telefon;Geburtstag\n;=1+1;+49 711 2842222;3.2.1980\n2;Bo;;\n3;Cy;;31.02.1980\n")
    with RejectsFile(tmp_path / "rejected.csv", result.layout) as file:
        for rejected in result.rejected:
            file.write(rejected)
    content = (tmp_path / "rejected.csv").read_bytes()
    assert content.startswith(b"\xef\xbb\xbf")
    assert stat.S_IMODE((tmp_path / "rejected.csv").stat().st_mode) == 0o600
    rows = list(csv.reader(content.decode("utf-8-sig").splitlines(), delimiter=";"))
    assert rows[0] == ["ID", "Vorname", "Telefon", "Geburtstag", "gdpr:row", "gdpr:column", "gdpr:reason"]
    assert rows[1][:6] == ["", "'=1+1", "'+49 711 2842222", "3.2.1980", "2", "ID"]
    assert [r[4] for r in rows[1:]] == ["2", "4"]
    corrected = content.decode("utf-8-sig").replace("\r\n;'", "\r\n1;'").replace("31.02", "28.02")
    again = imported(corrected)
    assert [m.crm_ref for m in again.messages] == ["1", "3"]
    assert again.persons[0] == {
        "first_name": "=1+1",
        "phones": [{"number": "+497112842222"}],
        "birth_date": "1980-02-03",
    }


def test_nothing_is_written_where_nothing_was_rejected(imported, tmp_path: Path) -> None:
    result = imported("ID;Vorname\n1;Anna\n")
    with RejectsFile(tmp_path / "rejected.csv", result.layout) as file:
        assert file.paths == []
    assert not (tmp_path / "rejected.csv").exists()


def test_each_sheet_has_a_file_of_its_own(imported, tmp_path: Path) -> None:
    sheets = {
        "Kontakte": [["ID", "Vorname", "E-Mail"], [None, "Anna", "a@x.org"], [2, "Bo", "b@x.org"]],
        "Notizen": [["Kontakt", "Text"], [2, "x" * 32000], [2, "y\ufeff"]],
    }
    result = imported(sheets)
    with RejectsFile(tmp_path / "rejected.csv", result.layout) as file:
        for rejected in result.rejected:
            file.write(rejected)
    assert [p.name for p in file.paths] == ["rejected-kontakte.csv"]
