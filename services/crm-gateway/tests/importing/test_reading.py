"""From a file to messages: what is taken over, what is rejected, and what is asked for."""

from __future__ import annotations

import tracemalloc
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
import yaml

from crm_gateway.importing import Consent, FileMapping, ImportRefused, consent_option, inspect, load_mapping, read

WRITTEN, NEXT_DAY = datetime.fromisoformat("2014-04-22T21:43:03"), datetime.fromisoformat("2014-04-23")

OUTLOOK = (
    '"Anrede","Vorname","Nachname","Firma","Position","Straße geschäftlich","Straße geschäftlich 2","Ort geschäftlich",'
    '"Postleitzahl geschäftlich",'
    '"Land/Region geschäftlich","Telefon geschäftlich","Telefon (privat)","Mobiltelefon","E-Mail-Adresse","E-Mail-Typ","E-Mail 2: Adresse",'
    '"Geburtstag","Notizen","Vertraulichkeit"\r\n'
    '"","Anna","Weiß","Beispiel","Vertrieb","Ring 2","Hof","Hamburg","20457","Deutschland","+49 (0) 40 6432131-550","040 6432131",,'
    '"anna@example.org","SMTP",,"0.0.00","Zeile\r\nzwei"\r\n'
    ',"Bo"\r\n'
)


def test_a_german_outlook_file_is_read(imported) -> None:
    result = imported(OUTLOOK, encoding="cp1252", crm_ref="email")
    assert (result.layout.convention, result.layout.form.encoding) == ("Outlook", "Windows-1252")
    assert result.persons == [
        {
            "salutation": None,
            "first_name": "Anna",
            "last_name": "Weiß",
            "company": "Beispiel",
            "job_title": "Vertrieb",
            "birth_date": None,
            "addresses": [
                {
                    "street": "Ring 2\nHof",
                    "postcode": "20457",
                    "city": "Hamburg",
                    "country": "Deutschland",
                    "label": "work",
                }
            ],
            "emails": [{"address": "anna@example.org"}],
            "phones": [{"number": "+49406432131550", "label": "work"}, {"number": "+49406432131", "label": "private"}],
            "custom.e_mail_typ": "SMTP",
            "custom.notizen": "Zeile\nzwei",
        }
    ]
    assert [(r.row, r.slug) for r in result.rejected] == [(3, "no-single-email")]


def test_without_an_identifier_every_row_is_rejected_and_a_choice_is_offered(imported) -> None:
    result = imported(OUTLOOK, encoding="cp1252")
    assert {r.slug for r in result.rejected} == {"no-id"}
    assert result.questions["no-id"].choices[0][0] == "email"
    assert len(imported(OUTLOOK, encoding="cp1252", answers={"no-id": "email"}).persons) == 1


def test_two_rows_with_one_address_are_not_taken_for_one_person(imported) -> None:
    result = imported("Vorname,E-Mail\nAnna,info@example.org\nBo,Info@example.org\n", crm_ref="email")
    assert ([m.crm_ref for m in result.messages], [r.slug for r in result.rejected]) == (
        ["info@example.org"],
        ["email-not-unique"],
    )


def test_the_customer_number_identifies_where_that_is_said(imported) -> None:
    result = imported("Kundennummer,Vorname\n0017,Anna\n,Bo\n", crm_ref="customer_number")
    assert [(m.crm_ref, m.fields["customer_number"]) for m in result.messages] == [("0017", "0017")]
    assert [(r.row, r.column, r.slug) for r in result.rejected] == [(3, "Kundennummer", "no-id")]


LIME = {
    "Företag": [["ID", "Namn"], [1, "Firma"], [2, "Bolag"]],
    "Länkar": [["Namn", "URL", "Person"], ["A", "https://a.example", 1], ["B", "https://b.example", None]],
    "Kontaktperson": [
        ["Namn", "Titel", "Email", "Telefon", "ID", "MailConsent"],
        ["Olof Persson", "VD", "olof@example.se", "031-66 00 00", 1, "Ja"],
        ["Eva Ek", "VD", None, 107190000, 2, None],
        ["Bo von Ek", None, "bo@ex.se", "072-224 00 01, 072-224 00 00", 3, "Nej"],
        *[[None] * 6] * 40,
    ],
    "Medarbetare": [["Namn/Titel", "Email"], ["Billy Bob", "billy@example.se"]],
    "Anteckningar": [
        ["Skapad den", "Text", "ID"],
        [WRITTEN, "=1+1 intresse", 1],
        [NEXT_DAY, "Möte", 3],
        *[[None] * 3] * 60,
    ],
    "Möten": [["Rubrik", "Företag", "Datum"], ["Lunch", 2, date(2018, 4, 5)]],
}


def test_a_lime_workbook_finds_its_contacts_and_asks_what_belongs_to_them(imported) -> None:
    result = imported(LIME, phone_region="SE")
    assert {s.name: (s.role, s.kind) for s in result.layout.sheets} == {
        "Företag": ("ignore", None),
        "Länkar": ("records", "link"),
        "Kontaktperson": ("persons", None),
        "Medarbetare": ("ignore", None),
        "Anteckningar": ("ignore", None),
        "Möten": ("ignore", None),
    }
    assert set(result.questions) == {"consent:Kontaktperson:MailConsent", "sheet-link:Anteckningar", "sheet-link:Möten"}
    assert result.questions["sheet-link:Möten"].suggestion == "ignore"
    assert [p["last_name"] for p in result.persons] == ["Persson", "Ek", "von Ek"]
    assert [[n["number"] for n in p["phones"]] for p in result.persons] == [
        ["+4631660000"],
        ["+46107190000"],
        ["+46722240001", "+46722240000"],
    ]
    assert [(m.crm_ref, m.kind) for m in result.messages if m.type == "crm.record.changed"] == [("1", "link")]
    assert [(p.sheet, p.row) for p in result.passed_over] == [("Länkar", 3)]
    assert not [m for m in result.messages if "consent" in m.type]


def test_records_come_after_their_persons_with_dates_as_dates_and_formulas_as_text(imported) -> None:
    result = imported(LIME, answers={"sheet-link:Anteckningar": "ID"})
    notes = [m for m in result.messages if m.type == "crm.record.changed" and m.kind == "note"]
    assert [m.type for m in result.messages][:3] == ["crm.person.changed"] * 3
    assert [n.fields for n in notes] == [
        {"skapad_den": "2014-04-22T21:43:03", "text": "=1+1 intresse"},
        {"skapad_den": "2014-04-23", "text": "Möte"},
    ]
    assert [n.crm_ref for n in notes] == ["1", "3"]


def test_yes_is_a_weak_consent_and_no_is_a_withdrawal_only_where_it_is_said(imported) -> None:
    def kinds(consent: str) -> list[tuple[str, str]]:
        result = imported(LIME, consents=dict([consent_option(consent)]))
        return [(m.crm_ref, m.type) for m in result.messages if "consent" in m.type]

    assert kinds("MailConsent=newsletter") == [("1", "crm.consent.recorded")]
    assert kinds("MailConsent=newsletter:withdrawal") == [("1", "crm.consent.recorded"), ("3", "crm.consent.withdrawn")]
    assert kinds("MailConsent=!newsletter:withdrawal") == [
        ("1", "crm.consent.withdrawn"),
        ("3", "crm.consent.recorded"),
    ]
    consent = next(
        m
        for m in imported(LIME, consents=dict([consent_option("MailConsent=newsletter")])).messages
        if m.type == "crm.consent.recorded"
    )
    assert (consent.evidence, consent.wording) == (None, None)


def test_a_word_that_is_neither_yes_nor_no_is_kept_and_means_no_consent(imported) -> None:
    result = imported("ID,Vorname,Newsletter\n1,Anna,vielleicht\n", answers={"consent::Newsletter": "newsletter"})
    assert [m.type for m in result.messages] == ["crm.person.changed"]
    assert result.persons[0]["custom.newsletter"] == "vielleicht"


def test_the_opposite_of_a_consent_is_offered_as_one(imported) -> None:
    result = imported(
        "Id,FirstName,HasOptedOutOfEmail\n1,Anna,false\n2,Bo,true\n",
        answers={"consent::HasOptedOutOfEmail": "!newsletter"},
    )
    assert [(m.crm_ref, m.type) for m in result.messages if "consent" in m.type] == [("1", "crm.consent.recorded")]
    assert (
        "opposite"
        in imported("Id,FirstName,HasOptedOutOfEmail\n1,Anna,false\n").questions["consent::HasOptedOutOfEmail"].text
    )


def test_the_same_file_twice_gives_the_same_messages_and_other_content_others(imported) -> None:
    file = "ID,Vorname,Newsletter\n1,Anna,ja\n2,Bo,nein\n"
    said = {"consents": dict([consent_option("Newsletter=news:withdrawal")])}
    first, again = imported(file, **said), imported(file, **said)
    later = imported(file, occurred=first.layout.options.occurred + timedelta(days=1), **said)
    assert [m.id for m in first.messages] == [m.id for m in again.messages]
    assert len({m.id for m in first.messages}) == len(first.messages)
    same = {m.type for a, m in zip(first.messages, later.messages, strict=True) if a.id == m.id}
    assert same == {"crm.consent.recorded"}, "a flag that is still set is not a new act; everything else is news"


def test_several_mails_and_labels_of_google_are_parted(imported) -> None:
    result = imported(
        "First Name,Last Name,Labels,File As,E-mail 1 - Label,E-mail 1 - Value,Phone 1 - Label,Phone 1 - Value,"
        "Address 1 - Label,Address 1 - City\n"
        "Ann,Lee,x,,* Work,a@ex.org ::: b@ex.org,Mobile ::: Home,+1 514 721 4711 ::: +1 514 721 4712,Home,Ulm\n",
        answers={"no-id": "First Name"},
    )
    assert result.layout.convention == "Google Contacts"
    assert result.persons[0]["emails"] == [
        {"address": "a@ex.org", "label": "work"},
        {"address": "b@ex.org", "label": "work"},
    ]
    assert result.persons[0]["phones"] == [
        {"number": "+15147214711", "label": "mobile"},
        {"number": "+15147214712", "label": "private"},
    ]
    assert result.persons[0]["addresses"] == [{"city": "Ulm", "label": "private"}]


@pytest.mark.parametrize(
    ("cell", "expected", "kept"),
    [
        ("a@x.org; b@x.org", ["a@x.org", "b@x.org"], None),
        ('"a@x.org\nb@x.org"', ["a@x.org", "b@x.org"], None),
        ("a@x.org|b@x.org c@x.org", ["a@x.org", "b@x.org", "c@x.org"], None),
        ('"""Berg, Anna"" <a@x.org>, Bo <b@x.org>"', ["a@x.org", "b@x.org"], None),
        ("mailto:a@x.org", ["a@x.org"], None),
        ("keine", None, None),
        ("nur Post", None, "nur Post"),
        ("a@x.org nur vormittags", ["a@x.org"], "a@x.org nur vormittags"),
    ],
)
def test_several_mails_stand_in_one_cell(imported, cell: str, expected: list[str] | None, kept: str | None) -> None:
    person = imported(f"ID\tVorname\tE-Mail\n1\tAnna\t{cell}\n").persons[0]
    assert [m["address"] for m in person["emails"] or []] == (expected or [])
    assert person.get("custom.e_mail") == kept


def test_national_numbers_take_their_country_from_the_row_else_from_what_is_said_else_stay(imported) -> None:
    file = "ID;Vorname;Telefon;Land\n1;Anna;0711 2842222;Deutschland\n2;Bo;031-66 00 00;\n3;Cy;frag Anna;\n"
    result = imported(file)
    assert [p["phones"] for p in result.persons] == [
        [{"number": "+497112842222"}],
        [{"number": "031-66 00 00"}],
        [{"number": "frag Anna"}],
    ]
    assert result.questions["phone-region"].text.startswith("1 telephone")
    for how in ({"phone_region": "se"}, {"answers": {"phone-region": "SE"}}):
        assert imported(file, **how).persons[1]["phones"] == [{"number": "+4631660000"}]


def test_an_empty_cell_says_empty_and_a_missing_one_says_nothing(imported) -> None:
    result = imported("ID,Vorname,Firma,Hobby\n1,Anna,,Tanz\n2,Bo\n")
    assert result.persons == [{"first_name": "Anna", "company": None, "custom.hobby": "Tanz"}, {"first_name": "Bo"}]
    result = imported(
        '{"id": 1, "first_name": "Anna", "company": null, "emails": ["a@x.org", "b@x.org"]}\n{"id": "2", "company": "X"}\nnot json\n'
    )
    assert result.persons[1] == {"company": "X"}
    assert (result.persons[0]["company"], len(result.persons[0]["emails"])) == (None, 2)
    assert [(r.row, r.slug) for r in result.rejected] == [(3, "not-json")]


def test_lines_that_are_messages_are_checked_and_passed_on(imported) -> None:
    good = '{"type": "crm.person.removed", "id": "m1", "occurred": "2026-01-01T00:00:00Z", "crm_ref": "7"}'
    result = imported(good + "\n" + good.replace("7", "") + "\n[]\n")
    assert [(m.id, m.crm_ref) for m in result.messages] == [("m1", "7")]
    assert [r.slug for r in result.rejected] == ["not-a-message", "not-json"]


def test_garbage_rows_are_rejected_and_their_neighbours_are_not(imported) -> None:
    result = imported(
        "ID,Vorname,Notiz\n1,=1+1,שלום 👋\n\n,,\nID,Vorname,Notiz\n2,An\x00na,\n3,Bo,"
        + "x" * 5_000_000
        + '\n"4\n5",Cy,\n'
        + "6" * 300
        + ",Di,\n7,Ed,-5\n"
    )
    assert [(m.crm_ref, m.fields["first_name"], m.fields["custom.notiz"]) for m in result.messages] == [
        ("1", "=1+1", "שלום 👋"),
        ("7", "Ed", "-5"),
    ]
    assert [r.slug for r in result.rejected] == ["nul-byte", "cell-too-long", "bad-id", "bad-id"]
    assert [r.column for r in result.rejected] == ["Vorname", "Notiz", "ID", "ID"]


def test_ten_thousand_custom_fields_are_sent_in_portions(imported) -> None:
    names = [f"Feld {n}" for n in range(2000)]
    result = imported("ID,Vorname," + ",".join(names) + "\n1,Anna," + ",".join("x" for _ in names) + "\n")
    assert [len(m.fields) for m in result.messages] == [500, 500, 500, 500, 1]
    assert len({m.id for m in result.messages}) == 5


def test_headers_that_stand_twice_or_not_at_all_get_a_name(imported) -> None:
    result = imported("ID,Vorname,Farbe,Farbe,,Firma,Company\n1,Anna,rot,blau,x,A,B\n")
    assert [c.header for c in result.layout.sheets[0].columns] == [
        "ID",
        "Vorname",
        "Farbe",
        "Farbe (2)",
        "Column E",
        "Firma",
        "Company",
    ]
    fields = result.persons[0]
    assert (fields["company"], fields["custom.company"], fields["custom.farbe"], fields["custom.column_e"]) == (
        "A",
        "B",
        "rot",
        "x",
    )
    answered = imported("ID,Vorname,Firma,Company\n1,Anna,A,B\n", answers={"two-columns::company": "Company"}).persons[
        0
    ]
    assert (answered["company"], answered["custom.firma"]) == ("B", "A")


def test_a_title_above_the_table_is_skipped(imported) -> None:
    assert imported("Kundenliste 2026\n\nID,Vorname,Ort\n1,Anna,Ulm\n").persons[0]["first_name"] == "Anna"


MAPPING = """
crm_ref: Nr
date_order: mdy
phone_region: DE
columns:
  Rufname: first_name
  Schuh: custom.shoe_size
  Intern: ignore
  Geb: birth_date
  Werbung: {consent: newsletter, no: withdrawal}
"""


def test_a_mapping_file_says_everything_else(imported, tmp_path: Path) -> None:
    (tmp_path / "map.yaml").write_text(MAPPING, encoding="utf-8")
    mapping = load_mapping(tmp_path / "map.yaml")
    result = imported(
        "Nr,Rufname,Schuh,Intern,Geb,Werbung,Tel\n9,Anna,41,x,02/03/1980,nein,0711 2842222\n", mapping=mapping
    )
    assert result.persons[0] == {
        "first_name": "Anna",
        "birth_date": "1980-02-03",
        "phones": [{"number": "+497112842222"}],
        "custom.shoe_size": "41",
    }
    assert [(m.type, m.crm_ref) for m in result.messages][1:] == [("crm.consent.withdrawn", "9")]
    assert not result.layout.questions


def test_a_mapping_gives_sheets_their_roles(imported, tmp_path: Path) -> None:
    (tmp_path / "map.yaml").write_text(
        "sheets:\n  Möten: {role: records, kind: visit, contact: Företag}\n  Länkar: ignore\n", encoding="utf-8"
    )
    result = imported(LIME, mapping=load_mapping(tmp_path / "map.yaml"))
    assert [(m.kind, m.crm_ref, m.fields) for m in result.messages if m.type == "crm.record.changed"] == [
        ("visit", "2", {"rubrik": "Lunch", "datum": "2018-04-05"})
    ]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("columns: {A: {consent: 'Not A Slug'}}", "columns > A"),
        ("colums: {}", "colums"),
        ("columns: {A: nonsense}", "columns > A"),
        ("a: [", "line"),
        ("phone_region: Deutschland", "phone_region"),
    ],
)
def test_a_mistake_in_a_mapping_file_is_said_with_its_place(tmp_path: Path, text: str, place: str) -> None:
    (tmp_path / "map.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(ImportRefused) as refused:
        load_mapping(tmp_path / "map.yaml")
    assert (refused.value.slug, place in refused.value.message) == ("bad-mapping", True)


def test_a_column_that_is_not_there_is_refused_with_those_that_are(imported) -> None:
    with pytest.raises(ImportRefused) as refused:
        imported("ID,Vorname\n1,Anna\n", consents={"Newsletter": Consent(consent="news")})
    assert refused.value.slug == "unknown-column"
    assert "Vorname" in refused.value.message


def test_what_was_found_can_be_written_as_a_mapping_that_reads_the_same(imported) -> None:
    said = {
        "answers": {"sheet-link:Anteckningar": "ID", "consent:Kontaktperson:MailConsent": "newsletter"},
        "phone_region": "SE",
    }
    first = imported(LIME, **said)
    mapping = FileMapping.model_validate(yaml.safe_load(yaml.safe_dump(first.layout.as_mapping(), allow_unicode=True)))
    assert [m.id for m in imported(LIME, mapping=mapping).messages] == [m.id for m in first.messages]


def test_no_message_to_staff_holds_what_stands_in_a_cell(imported) -> None:
    canary = "Kanarienvogel"
    result = imported(f"ID,Vorname,Geburtstag\n1,{canary},{canary}\n{canary * 40},x,\n3,{canary}\x00,\n")
    assert len(result.rejected) == 3
    assert not any(canary in r.reason or canary in (r.column or "") for r in result.rejected)


def test_reading_holds_one_row_at_a_time(tmp_path: Path, options) -> None:
    path = tmp_path / "large.csv"
    note = "Notiz " * 500
    with path.open("w", encoding="utf-8") as file:
        file.write("ID;Vorname;Notiz\n")
        file.writelines(f"{n};Anna{n};{n}{note}\n" for n in range(5000))
    tracemalloc.start()
    count = sum(1 for _ in read(path, inspect(path, options())))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 5000
    assert peak < path.stat().st_size / 3
