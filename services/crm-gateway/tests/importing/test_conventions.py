"""Headers of the usual exporters, in German, English and Swedish."""

from __future__ import annotations

import csv
import io

import pytest

from crm_gateway.importing.headers import convention_of, language_of, looks_like_consent, normalise, recognise


def targets(line: str) -> tuple[str | None, str | None, dict[str, str]]:
    headers = next(csv.reader(io.StringIO(line)))
    words = [normalise(h) for h in headers]
    convention, language = convention_of(words), language_of(words)
    found = {h: recognise(h, convention, language) for h in headers}
    return convention, language, {h: str(t) for h, t in found.items() if t and not t.field.startswith("custom.")}


CASES = {
    "HubSpot": (
        "Record ID,First Name,Last Name,Email,Phone Number,Mobile Phone Number,Street Address,City,State/Region,Postal Code,Country/Region,"
        "Job Title,Company Name,Date of Birth,Contact owner,Lifecycle Stage,Additional email addresses",
        {
            "Record ID": "crm_ref",
            "Mobile Phone Number": "phones:mobile",
            "State/Region": "addresses.region",
            "Date of Birth": "birth_date",
            "Additional email addresses": "emails",
            "Company Name": "company",
        },
    ),
    "Salesforce": (
        "Id,AccountId,FirstName,LastName,Salutation,Title,Email,Phone,MobilePhone,HomePhone,Fax,MailingStreet,MailingCity,MailingPostalCode,"
        "MailingCountry,OtherStreet,Birthdate,HasOptedOutOfEmail",
        {
            "Id": "crm_ref",
            "FirstName": "first_name",
            "Title": "job_title",
            "HomePhone": "phones:private",
            "MailingStreet": "addresses:mailing.street",
            "OtherStreet": "addresses:other.street",
            "Birthdate": "birth_date",
        },
    ),
    "Google Contacts": (
        "First Name,Middle Name,Last Name,Name Prefix,Organization Name,Organization Title,Birthday,Labels,"
        "E-mail 1 - Label,E-mail 1 - Value,"
        "Phone 1 - Type,Phone 1 - Value,Address 1 - Street,Address 1 - Postal Code,Address 1 - Extended Address",
        {
            "Name Prefix": "title",
            "Organization Title": "job_title",
            "E-mail 1 - Label": "emails:1.label",
            "E-mail 1 - Value": "emails:1",
            "Phone 1 - Type": "phones:1.label",
            "Address 1 - Street": "addresses:1.street",
            "Address 1 - Extended Address": "addresses:1.street2",
        },
    ),
    "Outlook": (
        "Title,First Name,Last Name,Company,Job Title,Business Street,Business City,Business Postal Code,"
        "Business Country/Region,Home Street,"
        "Home City,Business Fax,Business Phone,Home Phone 2,"
        "Mobile Phone,E-mail Address,E-mail Type,E-mail 2 Address,E-mail 2 Type,Birthday",
        {
            "Title": "title",
            "Business Street": "addresses:work.street",
            "Home City": "addresses:private.city",
            "Business Fax": "phones:fax",
            "Home Phone 2": "phones:private",
            "E-mail Address": "emails",
            "E-mail 2 Address": "emails:2",
        },
    ),
    "Lime CRM": (
        "idperson,firstname,lastname,position,email,mobilephone,coworker",
        {
            "idperson": "crm_ref",
            "firstname": "first_name",
            "position": "job_title",
            "mobilephone": "phones:mobile",
            "email": "emails",
        },
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_an_exporter_is_recognised_with_its_columns(name: str) -> None:
    line, expected = CASES[name]
    convention, _, found = targets(line)
    assert convention == name
    assert expected.items() <= found.items()


@pytest.mark.parametrize(
    ("line", "language", "expected"),
    [
        (
            'Anrede,Vorname,Nachname,"Straße geschäftlich 2",Weiteres/e Land/Region,Telefon (privat 2),E-Mail-Adresse,'
            "E-Mail 2: Adresse,Ort privat,Ort,Telefon geschäftlich,Haupttelefon",
            "de",
            {
                "Straße geschäftlich 2": "addresses:work.street2",
                "Weiteres/e Land/Region": "addresses:other.country",
                "Telefon (privat 2)": "phones:private",
                "E-Mail-Adresse": "emails",
                "E-Mail 2: Adresse": "emails:2",
                "Ort privat": "addresses:private.city",
                "Haupttelefon": "phones",
            },
        ),
        (
            "Kunden-ID,Vorname,Nachname,Straße,Hausnr.,PLZ,Ort,Handy,Geburtsdatum,Titel,Kd-Nr",
            "de",
            {
                "Kunden-ID": "crm_ref",
                "Hausnr.": "addresses.house_number",
                "PLZ": "addresses.postcode",
                "Handy": "phones:mobile",
                "Titel": "title",
                "Kd-Nr": "customer_number",
            },
        ),
        (
            "ID,Förnamn,Efternamn,Titel,Företag,E-post,Mobiltelefon,Gatuadress,Postnummer,Postort,Födelsedatum,Hemtelefon",
            "sv",
            {
                "ID": "crm_ref",
                "Titel": "job_title",
                "Företag": "company",
                "E-post": "emails",
                "Postort": "addresses.city",
                "Hemtelefon": "phones:private",
                "Födelsedatum": "birth_date",
            },
        ),
        (
            "CustomerId,FirstName,LastName,Company,Address,City,State,Country,PostalCode,Phone,Fax,Email",
            "en",
            {
                "CustomerId": "crm_ref",
                "Address": "addresses.street",
                "PostalCode": "addresses.postcode",
                "Fax": "phones:fax",
            },
        ),
    ],
)
def test_three_languages_are_understood(line: str, language: str, expected: dict[str, str]) -> None:
    _, found_language, found = targets(line)
    assert found_language == language
    assert expected.items() <= found.items()


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("MailConsent", True),
        ("Newsletter", True),
        ("Opt-in", True),
        ("Einwilligung Werbung", True),
        ("Newsletter__c", True),
        ("Nyhetsbrev", True),
        ("HasOptedOutOfEmail", False),
        ("Unsubscribed from all email", False),
        ("Do Not Call", False),
        ("Vorname", None),
        ("Option", None),
    ],
)
def test_a_column_that_looks_like_a_consent_is_noticed(header: str, expected: bool | None) -> None:
    assert looks_like_consent(header) is expected
