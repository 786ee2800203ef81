"""`gdpr import`: what is recognised is shown first; what is sent arrives once; what is rejected says why."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from uuid import uuid4

import openpyxl
import pytest

from stack import recognised

from .conftest import eventually

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

HEADERS = ["Kundennr.", "Vorname", "Nachname", "E-Mail", "Telefon", "Geburtsdatum", "Newsletter", "Schuhgröße"]


@pytest.fixture
def ref():
    """The beginning of references that no other test has."""
    return uuid4().hex[:8]


@pytest.fixture
def export(tmp_path, ref):
    """Write an export: semicolons and Windows-1252, as a German Excel does. Each row is changed by what is given for it."""

    def write(*changes, name="kunden.csv", headers=HEADERS, encoding="windows-1252"):
        file = tmp_path / name
        with file.open("w", encoding=encoding, newline="") as out:
            writer = csv.writer(out, delimiter=";")
            writer.writerow(headers)
            for number, changed in enumerate(changes, 1):
                row = {
                    "Kundennr.": f"{ref}-{number}",
                    "Vorname": "Jörg",
                    "Nachname": f"Grün{ref}",
                    "E-Mail": f"{ref}.{number}@example.org",
                    "Telefon": "+49 40 1234567",
                    "Geburtsdatum": "23.02.1980",
                    "Newsletter": "ja",
                    "Schuhgröße": "43",
                }
                row |= {"Kundennr.": f"{ref}-{number}"} | changed
                writer.writerow([row[header] for header in headers])
        return file

    return write


BY_NUMBER = ("--crm-ref", "Kundennr.")


def show(gdpr, ref):
    code, person = gdpr("person", "show", ref)
    assert code == 0, person
    return person


def test_a_dry_run_shows_what_was_recognised_and_sends_nothing(gdpr, export, ref):
    file = export({}, {})
    code, told = gdpr("import", file, "--dry-run", *BY_NUMBER)
    assert code == 0
    assert (told["format"], told["encoding"], told["delimiter"], told["headers_in"]) == (
        "CSV",
        "Windows-1252",
        ";",
        "de",
    )
    goes = {column["header"]: column["field"] for column in told["sheets"][0]["columns"]}
    assert goes["E-Mail"] == "emails"
    assert goes["Schuhgröße"] == "custom.schuhgroesse"
    assert [question["key"] for question in told["questions"]] == ["consent::Newsletter"]
    assert told["rows"] == {"accepted": 2, "rejected": 0, "passed_over": 0}
    assert gdpr("person", "show", f"{ref}-1")[0] == 1

    code, text = gdpr("import", file, "--dry-run", *BY_NUMBER, text=True)
    assert code == 0
    assert "CSV, Windows-1252, parted by semicolon, headers in German" in text
    assert "looks like a consent" in text
    assert '--consent "Newsletter=KIND"' in text
    assert "--yes instead of --dry-run" in text
    assert list(file.parent.iterdir()) == [file]


def test_a_dry_run_needs_no_stack(gdpr, export, monkeypatch, tmp_path):
    monkeypatch.setenv("GDPR_DATA", str(tmp_path / "nothing"))
    assert gdpr("import", export({}), "--dry-run", *BY_NUMBER)[0] == 0
    code, told = gdpr("import", export({}), "--yes", *BY_NUMBER)
    assert (code, told["error"]["slug"]) == (3, "no-installation")


def test_the_same_file_twice_changes_nothing(gdpr, door, export, ref):
    file = export({}, {"Vorname": "", "Newsletter": "nein"})
    words = ("import", file, "--yes", *BY_NUMBER, "--consent", "Newsletter=newsletter")
    code, told = gdpr(*words)
    assert (code, told["outcomes"], told["rejects_files"]) == (0, {"accepted": 3}, [])
    first = [show(gdpr, f"{ref}-{number}") for number in (1, 2)]
    assert first[0]["values"]["custom.schuhgroesse"] == "43"
    assert first[0]["values"]["birth_date"] == "1980-02-23"
    assert first[1]["values"]["first_name"] is None

    assert gdpr(*words)[1]["outcomes"] == {"repeated": 3}
    os.utime(file)  # exported anew, with the same content
    code, told = gdpr(*words)
    assert (code, told["outcomes"]) == (0, {"unchanged": 2, "repeated": 1})
    again = [show(gdpr, f"{ref}-{number}") for number in (1, 2)]
    assert [one["values"] for one in again] == [one["values"] for one in first]
    assert [one["last_change"] for one in again] == [one["last_change"] for one in first]

    with door.client() as client:

        def newsletter():
            told = client.get("consent", f"/v1/persons/{first[0]['subject_id']}/consents")
            (one,) = [one for one in told["consents"] if one["kind"] == "newsletter"]
            return one if one["state"] != "none" else None

        found = eventually(newsletter)
    assert (found["strength"], found["evidence"]) == ("weak", None)


def test_dates_that_can_be_read_in_two_ways_are_asked_for(gdpr, export, ref):
    file = export({"Geburtsdatum": "02.03.1980"}, {"Geburtsdatum": "01/02/1999"})
    for words in (["--dry-run"], ["--yes"]):
        assert gdpr("import", file, *words, *BY_NUMBER)[0] == 1
    _, text = gdpr("import", file, "--dry-run", *BY_NUMBER, text=True)
    assert "Must be answered: The dates in the column “Geburtsdatum” can be read in more than one way" in text
    assert "--date-order dmy|mdy" in text
    assert gdpr("import", file, "--yes", *BY_NUMBER, "--date-order", "dmy")[0] == 0
    assert show(gdpr, f"{ref}-1")["values"]["birth_date"] == "1980-03-02"


def test_somebody_who_sits_there_is_asked_and_confirms(gdpr, export, ref, monkeypatch):
    monkeypatch.setattr(recognised, "can_ask", lambda: True)
    file = export({"Geburtsdatum": "02/03/1980", "Telefon": "040 1234567"})
    answers = "no-such-kind\n1\n\nmdy\nGermany\nDE\n"  # a kind by its number; a date cannot be left open
    code, text = gdpr("import", file, *BY_NUMBER, text=True, said=answers + "n\n")
    assert code == 1, text
    assert "That is none of the answers" in text
    assert "Nothing was taken over" in text
    assert gdpr("person", "show", f"{ref}-1")[0] == 1
    code, text = gdpr("import", file, *BY_NUMBER, text=True, said=answers + "y\n")
    assert code == 0, text
    assert "1 row taken over (messages: 2 accepted)" in text
    values = show(gdpr, f"{ref}-1")["values"]
    assert values["birth_date"] == "1980-02-03"
    assert values["phones"][0]["number"] == "+49401234567"


def test_rejected_rows_are_written_beside_with_reasons_and_can_be_corrected(gdpr, export, ref):
    rows = [{}, {"Geburtsdatum": "31.02.1980"}, {"Kundennr.": ""}, {"Nachname": "x" * 1500}, {}]
    code, told = gdpr("import", export(*rows), "--yes", *BY_NUMBER)
    assert code == 0
    assert told["rows"] == {"accepted": 2, "rejected": 3, "passed_over": 0}
    assert {one["slug"] for one in told["reasons"]} == {"unreadable-date", "no-id", "too-long"}
    (path,) = told["rejects_files"]
    assert path.endswith("kunden.rejected.csv")
    with open(path, encoding="utf-8-sig", newline="") as file:
        rejected = list(csv.DictReader(file, delimiter=";"))
    assert {(one["gdpr:row"], one["gdpr:column"]) for one in rejected} == {
        ("3", "Geburtsdatum"), ("4", "Kundennr."), ("5", "Nachname"),
    }  # fmt: skip
    assert all(one["gdpr:reason"] for one in rejected)
    (dated,) = [one for one in rejected if one["gdpr:row"] == "3"]
    with open(path, "w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, rejected[0], delimiter=";")
        writer.writeheader()
        writer.writerow({**dated, "Geburtsdatum": "28.02.1980"})
    code, told = gdpr("import", path, "--yes", *BY_NUMBER)
    assert (code, told["rows"]["accepted"], told["rejects_files"]) == (0, 1, [])
    assert show(gdpr, f"{ref}-2")["values"]["birth_date"] == "1980-02-28"
    code, told = gdpr("import", export(*rows), "--yes", *BY_NUMBER)  # what was corrected is not overwritten
    assert told["rejects_files"] == [path.replace("rejected.csv", "rejected-2.csv")]


def test_a_workbook_brings_contacts_and_their_records(gdpr, tmp_path, ref):
    book = openpyxl.Workbook()
    book.active.title = "Kontaktperson"
    for row in (["ID", "Förnamn", "Efternamn", "Email"], [f"{ref}-1", "Åsa", "Öberg", f"{ref}@example.org"]):
        book.active.append(row)
    notes = book.create_sheet("Anteckningar")
    for row in (["Kontaktperson", "Text"], [f"{ref}-1", "=HYPERLINK(1)"], ["", "about nobody"]):
        notes.append(row)
        notes.cell(notes.max_row, 2).data_type = "s"
    book.save(tmp_path / "lime.xlsx")
    code, told = gdpr("import", tmp_path / "lime.xlsx", "--yes")
    assert code == 0, told
    assert told["rows"] == {"accepted": 2, "rejected": 0, "passed_over": 1}
    (record,) = show(gdpr, f"{ref}-1")["records"]
    assert (record["kind"], record["values"]["text"]) == ("note", "=HYPERLINK(1)")


def test_a_mapping_file_can_be_written_and_read_back(gdpr, export, ref, tmp_path):
    mapping = tmp_path / "mapping.yaml"
    assert gdpr("import", export({}), "--dry-run", *BY_NUMBER, "--write-mapping", mapping)[0] == 0
    text = mapping.read_text(encoding="utf-8").replace("custom.schuhgroesse", "custom.shoe_size")
    mapping.write_text(text, encoding="utf-8")
    code, told = gdpr("import", export({}), "--yes", "--mapping", mapping)
    assert code == 0, told
    assert show(gdpr, f"{ref}-1")["values"]["custom.shoe_size"] == "43"


@pytest.mark.parametrize(
    ("words", "code", "slug"),
    [
        ((), 2, "not-confirmed"),
        (("--yes", "--consent", "Newsletter=no-such-kind"), 1, "unknown-kind"),
        (("--yes", "--consent", "Newsletter"), 2, "bad-consent-option"),
        (("--yes", "--answer", "nothing"), 2, "bad-answer"),
        (("--yes", "--consent", "Nowhere=newsletter"), 1, "unknown-column"),
        (("--yes", "--exported", "2999-01-01"), 1, "from-the-future"),
        (("--yes", "--mapping", "no-such.yaml"), 1, "no-mapping-file"),
    ],
)
def test_what_cannot_be_done_is_said_with_its_exit_code(gdpr, export, words, code, slug):
    told = gdpr("import", export({}), *BY_NUMBER, *words)
    assert (told[0], told[1]["error"]["slug"]) == (code, slug)


def test_a_file_that_is_none_is_refused(gdpr, tmp_path):
    assert gdpr("import", tmp_path / "nothing.csv", "--yes")[1]["error"]["slug"] == "no-such-file"
    (tmp_path / "a.pdf").write_bytes(b"%PDF-1.7")
    code, told = gdpr("import", tmp_path / "a.pdf", "--dry-run")
    assert (code, told["error"]["slug"]) == (1, "foreign-format")


def test_an_import_goes_on_when_the_door_or_the_importer_was_killed(gdpr, door, export, ref):
    count = 1200
    file = export(*({} for _ in range(count)))
    words = ["import", str(file), "--yes", *BY_NUMBER]
    first = subprocess.Popen([sys.executable, "-m", "stack", *words, "--json"], stdout=subprocess.DEVNULL)
    eventually(lambda: gdpr("person", "show", f"{ref}-350")[0] == 0)
    door.kill("crm-gateway")  # the importer waits, and sends again what was not answered
    time.sleep(0.3)
    first.send_signal(signal.SIGKILL)
    first.wait()
    eventually(lambda: gdpr("person", "show", f"{ref}-350")[0] == 0)
    code, told = gdpr(*words)
    assert (code, told["rows"]["accepted"]) == (0, count)
    assert set(told["outcomes"]) <= {"accepted", "repeated"}
    assert told["outcomes"]["repeated"] >= 350


def test_an_import_waits_while_the_door_is_away(gdpr, door, export, ref):
    count = 1200
    file = export(*({} for _ in range(count)))
    words = [sys.executable, "-m", "stack", "import", str(file), "--yes", *BY_NUMBER, "--json"]
    importing = subprocess.Popen(words, stdout=subprocess.PIPE)
    eventually(lambda: gdpr("person", "show", f"{ref}-350")[0] == 0)
    door.kill("crm-gateway")
    told = json.loads(importing.communicate(timeout=60)[0])
    assert (importing.returncode, told["rows"]) == (0, {"accepted": count, "rejected": 0, "passed_over": 0})
