"""Workbooks, whatever their size and whatever is wrong with them."""

from __future__ import annotations

import io
from datetime import date
from pathlib import Path

import openpyxl
import pytest

from crm_gateway.importing import ImportRefused, inspect, read
from crm_gateway.importing.workbook import SharedStrings

SST = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"


def test_texts_are_found_by_their_number_also_when_they_are_too_many_for_memory() -> None:
    texts = [f"{n} äöü & 👋 " + "x" * 500 for n in range(12_000)]
    items = "".join(
        f"<si><r><t>{t.replace('&', '&amp;')}</t></r><rPh sb='0' eb='1'><t>no</t></rPh></si>" for t in texts
    )
    strings = SharedStrings(io.BytesIO(f'<sst xmlns="{SST}">{items}</sst>'.encode()))
    assert (len(strings), strings[0], strings[11_999], strings[5000]) == (12_000, texts[0], texts[11_999], texts[5000])
    with pytest.raises(IndexError):
        strings[12_000]
    strings.close()


def test_typed_cells_become_values_and_a_lost_zero_of_a_postcode_comes_back(imported) -> None:
    rows = [
        ["ID", "Vorname", "Nachname", "Geburtstag", "PLZ", "Land", "Umsatz", "Aktiv"],
        [7.0, "Anna", "Weiß", date(1980, 2, 3), 1067, "Deutschland", 12.5, True],
    ]
    fields = imported({"Kunden": rows}).persons[0]
    assert fields["birth_date"] == "1980-02-03"
    assert fields["addresses"] == [{"postcode": "01067", "country": "Deutschland"}]
    assert (fields["custom.umsatz"], fields["custom.aktiv"]) == (12.5, True)
    assert imported({"Kunden": rows}).messages[0].crm_ref == "7"


def test_two_sheets_of_contacts_are_asked_for(imported, tmp_path: Path, options) -> None:
    rows = [["ID", "Vorname", "E-Mail"], [1, "Anna", "a@x.org"]]
    sheets = {"Nord": rows, "Süd": rows}
    with pytest.raises(ImportRefused) as refused:
        imported(sheets)
    assert refused.value.slug == "open-questions"
    assert [
        m.crm_ref for m in imported(sheets, answers={"which-sheet": "Süd"}).messages if m.type == "crm.person.changed"
    ] == ["1"]


def test_a_workbook_that_was_cut_off_or_scribbled_over_is_refused(tmp_path: Path, options) -> None:
    book = openpyxl.Workbook()
    for row in [["ID", "Vorname"], *[[n, f"Anna {n}"] for n in range(500)]]:
        book.active.append(row)
    data = io.BytesIO()
    book.save(data)
    whole = data.getvalue()
    path = tmp_path / "kunden.xlsx"
    for place in range(0, len(whole), 97):
        for damaged in (whole[:place], whole[:place] + b"\xff\x00\xff" + whole[place + 3 :]):
            path.write_bytes(damaged)
            try:
                for _ in read(path, inspect(path, options())):
                    pass
            except ImportRefused as refused:
                assert refused.message
