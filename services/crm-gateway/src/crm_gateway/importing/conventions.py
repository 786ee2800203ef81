"""How CRMs and address books name their columns: German, English and Swedish, and the habits of the usual exporters.

Only data. Headers stand here as ``headers.normalise`` leaves them: lower case, words apart, ``ä`` as ``ae``, ``å`` as ``a``,
"e-mail" and "mail" as ``email``.
"""

from __future__ import annotations


def _words(text: str) -> frozenset[str]:
    return frozenset(w.strip() for w in text.split("|") if w.strip())


WHOLE: dict[str, str] = {
    header: target
    for target, headers in {
        "first_name": "vorname|rufname|first name|firstname|given name|forename|foernamn|tilltalsnamn",
        "last_name": "nachname|familienname|zuname|last name|lastname|family name|surname|efternamn",
        "full_name": "full name|fullname|vollstaendiger name|kontaktname|contact name|kontaktperson|ansprechpartner|fullstaendigt namn|"
        "namn titel",
        "salutation": "anrede|salutation|tilltal|name prefix|briefanrede",
        "title": "akademischer titel|titel akad|academic title|namenspraefix|akademisk titel",
        "birth_date": "geburtstag|geburtsdatum|geb datum|geboren am|geboren|birthday|birthdate|birth date|date of birth|dob|foedelsedag|"
        "foedelsedatum|foedd",
        "language": "sprache|korrespondenzsprache|language|preferred language|bevorzugte sprache|sprak|spraak",
        "company": "firma|firmenname|unternehmen|unternehmensname|name des unternehmens|company|company name|organisation|organization|"
        "organization name|organization 1 name|account name|foeretag|foeretagsnamn|arbetsgivare|associated company",
        "job_title": "position|positionsbezeichnung|funktion|berufsbezeichnung|jobtitel|job title|jobtitle|role|befattning|yrkestitel|"
        "organization title|organization 1 title|stellenbezeichnung|jobbtitel",
        "customer_number": "kundennummer|kundennr|kunden nr|kdnr|kd nr|kundnummer|kundnr|kund nr|customer number|customer no|customer nr|"
        "organizational id number|debitorennummer|debitor",
        "emails": "zusaetzliche emailadressen|additional email addresses|weitere emailadressen",
    }.items()
    for header in _words(headers)
}
"""Headers whose meaning does not hang on who wrote them."""

IDENTIFIERS: tuple[str, ...] = (
    "crm ref",
    "crm id",
    "limeid",
    "lime id",
    "idperson",
    "idcontact",
    "person id",
    "personid",
    "kontakt id",
    "kontaktid",
    "contact id",
    "contactid",
    "contact id 18",
    "record id",
    "datensatz id",
    "post id",
    "id",
    "customer id",
    "customerid",
    "kunden id",
    "kundenid",
    "kund id",
    "lead id",
    "uuid",
    "guid",
)
"""Columns that identify the record in the CRM, the surest first."""

BY_LANGUAGE: dict[str, dict[str, str]] = {
    "de": {"titel": "title", "beruf": "custom.beruf"},
    "sv": {"titel": "job_title", "yrke": "job_title"},
    "en": {},
}
"""The same word, another meaning: a Swedish ``Titel`` is a job, a German one a doctorate."""

LANGUAGE_SIGNS: dict[str, frozenset[str]] = {
    "de": _words(
        "anrede|vorname|nachname|firma|strasse|plz|postleitzahl|ort|geburtstag|geburtsdatum|kundennummer|telefonnummer|mobil|handy|"
        "emailadresse|email adresse|bundesland|sprache|hausnummer|notizen|telefon geschaeftlich|strasse privat|datensatz id|wohnort"
    ),
    "en": _words(
        "name|first name|last name|company|street|city|state|country|postal code|zip|phone|mobile phone|birthday|job title|email address|"
        "given name|family name|customer id|address|language|notes|record id|phone number"
    ),
    "sv": _words(
        "namn|foernamn|efternamn|foeretag|epost|adress|gatuadress|postnummer|postort|mobiltelefon|mobilnummer|befattning|foedelsedatum|"
        "kundnummer|skapad den|skapad av|anteckning|anteckningar|sprak|hemtelefon|rubrik"
    ),
}

CONVENTIONS: dict[str, tuple[frozenset[str], int, dict[str, str]]] = {
    "Google Contacts": (
        _words(
            "email 1 value|email 1 type|email 1 label|phone 1 value|phone 1 label|phone 1 type|phonetic first name|"
            "yomi name|given name yomi|"
            "group membership|organization 1 name|organization name|labels|name prefix|file as|address 1 formatted"
        ),
        3,
        {"name prefix": "title", "name": "custom.name", "organization department": "custom.organization_department"},
    ),
    "Outlook": (
        _words(
            "email typ|email angezeigter name|email 2 adresse|strasse geschaeftlich|strasse privat|telefon geschaeftlich|vertraulichkeit|"
            "verzeichnisserver|abrechnungsinformation|weiteres postfach|reisekilometer|internet frei gebucht|"
            "email type|email display name|email 2 address|business street|home street|business phone|sensitivity|directory server|"
            "billing information|mileage|internet free busy|ttytdd phone|tty tdd phone|business address po box|"
            "business postal code|home city"
        ),
        3,
        {
            "title": "title",
            "titel": "title",
            "ort": "custom.ort",
            "location": "custom.location",
            "beruf": "custom.beruf",
            "profession": "custom.profession",
            "privat": "custom.privat",
            "private": "custom.private",
            "konto": "custom.konto",
            "account": "custom.account",
        },
    ),
    "Salesforce": (
        _words(
            "mailing street|mailing city|mailing postal code|mailing country|mailing zip postal code|mailing state province|account id|"
            "owner id|created date|last modified date|has opted out of email|email opt out|reports to id|system modstamp|lead source|"
            "is deleted|master record id|do not call|account name"
        ),
        2,
        {"title": "job_title", "name": "custom.name"},
    ),
    "HubSpot": (
        _words(
            "record id|datensatz id|contact owner|zustaendiger mitarbeiter|lifecycle stage|lifecycle phase|lead status|create date|"
            "marketing contact status|associated company|associated company ids|unsubscribed from all email|last activity date"
        ),
        2,
        {"title": "job_title"},
    ),
    "Lime CRM": (
        _words(
            "idperson|idcompany|limeid|lime id|mobilephone|emailconsent|email consent|person lime id|coworker|medarbetare|ansvarig"
        ),
        1,
        {"position": "job_title", "title": "job_title", "titel": "job_title", "name": "full_name"},
    ),
}
"""By exporter: the headers that give it away, how many are needed, and what it means by words that others use differently."""

PARTS: dict[str, frozenset[str]] = {
    "emails": _words(
        "email|emailadresse|email adresse|email address|emailaddress|epost|epostadress|email adress|primary email|secondary email|"
        "email value|privatemail|mail|mailadresse|mail adresse|mejl|mejladress|emails|mail address"
    ),
    "emails.label": _words("email label"),
    "phones": _words(
        "telefon|telefonnummer|telefon nummer|tel|tel nr|rufnummer|phone|phone number|telephone|telephone number|phone value|telnr|"
        "main phone|primary phone|haupttelefon|telefon firma"
    ),
    "phones.label": _words("phone label|phone type"),
    "phones:mobile": _words(
        "mobil|mobiltelefon|mobilnummer|mobiltelefonnummer|handy|handynummer|mobile|mobile phone|mobilephone|"
        "mobile phone number|mobile number|"
        "cell|cell phone|cellphone|mobiltel"
    ),
    "phones:fax": _words("fax|faxnummer|telefax|fax number|fax nr|telefaxnummer"),
    "phones:work": _words(
        "geschaeftstelefon|diensttelefon|firmentelefon|arbetstelefon|direkttelefon|workphone|direktnummer|durchwahl"
    ),
    "phones:private": _words("privattelefon|privatnummer|hemtelefon|homephone"),
    "addresses.street": _words(
        "strasse|strasse hausnummer|strasse hausnr|strasse nr|strasse und hausnummer|str|anschrift|adresse|adresse 1|"
        "adresszeile 1|street|"
        "street 1|street address|address|address 1|address line 1|address1|street line 1|adress|adress 1|gatuadress|gata|postadress|"
        "besoeksadress|utdelningsadress|adressrad 1"
    ),
    "addresses.house_number": _words("hausnummer|hausnr|haus nr|house number"),
    "addresses.street2": _words(
        "adresszusatz|adresse 2|adresszeile 2|strasse 2|address 2|address line 2|address2|street 2|street line 2|extended address|"
        "adress 2|adressrad 2|co adress|adresszusatz 1"
    ),
    "addresses.street3": _words(
        "adresse 3|adresszeile 3|strasse 3|address 3|address line 3|street 3|adresszusatz 2|adress 3"
    ),
    "addresses.postcode": _words(
        "plz|postleitzahl|postcode|post code|postal code|postalcode|zip|zip code|zipcode|zip postal code|postnummer|postnr"
    ),
    "addresses.city": _words("ort|stadt|wohnort|city|town|postort|stad|locality"),
    "addresses.region": _words(
        "bundesland|region|bundesland kanton|bundesland region|kanton|state|province|state province|state region|county|laen"
    ),
    "addresses.country": _words("land|land region|country|country region|country name|land laendercode"),
    "addresses.label": _words("address label|address type"),
}
"""What a header can be about, once words like "business" or "privat" and numbers are taken off it."""

QUALIFIERS: dict[str, str] = {
    word: group
    for group, words in {
        "work": "geschaeftlich|geschaeftliche|geschaeft|dienstlich|dienstliche|beruflich|berufliche|arbeit|firma|"
        "firmen|buero|business|work|"
        "office|company|arbete|jobb|arbets",
        "private": "privat|private|privater|home|personal|hem|hemma|privata",
        "other": "weitere|weiterer|weiteres|weiteres r|weiteres e|sonstige|sonstiges|other|oevrig|oevriga|annan|annat|"
        "secondary|zweite|andra",
        "mailing": "mailing|postanschrift|contact",
        "billing": "billing|rechnung|rechnungs|rechnungsadresse|faktura|fakturering",
        "shipping": "shipping|lieferung|liefer|lieferadresse|leverans|delivery",
        "": "primary|main|primaer|haupt|kontakt",
    }.items()
    for word in words.split("|")
}
"""Words that say which one of several."""

CONSENT_SIGNS: frozenset[str] = _words(
    "consent|einwilligung|newsletter|opt in|optin|samtycke|nyhetsbrev|zustimmung|werbung erlaubt|werbeeinwilligung|permission|"
    "subscribed|abonniert|marketing allowed|prenumerera|utskick"
)
CONSENT_REFUSAL_SIGNS: frozenset[str] = _words(
    "opted out|opt out|optout|unsubscribed|abgemeldet|abbestellt|do not call|do not email|do not contact|do not mail|widerspruch|"
    "werbesperre|keine werbung|no marketing|avregistrerad|ej utskick|email suppression|nicht kontaktieren|werbeverbot"
)
"""Headers that look like a consent, and those that look like the opposite of one."""

SHEET_KINDS: dict[str, str] = {
    title: kind
    for kind, titles in {
        "note": "note|notes|notiz|notizen|anteckning|anteckningar|kommentare|comments|history|historik|historie",
        "meeting": "meeting|meetings|termin|termine|moete|moeten|besprechungen|besoek|events",
        "task": "task|tasks|aufgabe|aufgaben|att goera|todo|to do|todos|uppgifter",
        "call": "call|calls|anruf|anrufe|samtal|telefonate",
        "link": "link|links|laenkar|laenk",
        "document": "document|documents|dokument|dokumente|attachments|filer",
        "deal": "deal|deals|affaer|affaerer|opportunity|opportunities|verkaufschance|verkaufschancen|chancen",
        "order": "order|orders|auftrag|auftraege|bestellung|bestellungen|ordrar|bestaellningar",
        "ticket": "ticket|tickets|case|cases|vorgang|vorgaenge|aerende|aerenden|faelle|supportfaelle",
        "invoice": "invoice|invoices|rechnung|rechnungen|faktura|fakturor",
        "activity": "activity|activities|aktivitaet|aktivitaeten|aktiviteter",
    }.items()
    for title in titles.split("|")
}
PERSON_SHEETS = _words(
    "person|persons|personer|personen|people|contact|contacts|kontakt|kontakte|kontaktperson|kontaktpersoner|kontaktpersonen|kontakter|"
    "ansprechpartner|kunden|kunde|kunder|kund|customers|customer|leads|lead|adressen"
)
OTHER_SHEETS = _words(
    "foeretag|firma|firmen|unternehmen|company|companies|account|accounts|organisation|organisationen|organisationer|organizations|"
    "medarbetare|mitarbeiter|coworker|coworkers|users|user|benutzer|employees|staff|owners"
)
"""Sheets of companies, and of the company's own staff: their addresses are not those of a data subject of the CRM."""

CONTACT_REFERENCES = _words(
    "person|person id|personid|idperson|kontakt|kontakt id|kontaktid|kontaktperson|kontaktperson id|contact|contact id|contactid|"
    "idcontact|kunde|kunden id|kundenid|kund|kund id|customer|customer id|customerid|who id|whoid|ansprechpartner|ansprechpartner id|"
    "lead id|contact record id|associated contact ids"
)
"""Headers by which a related record points at its person."""

LABELS = ("work", "private", "mobile", "fax", "other", "mailing", "billing", "shipping")

LABEL_WORDS: dict[str, str] = {
    "work": "work",
    "arbeit": "work",
    "geschaeftlich": "work",
    "arbete": "work",
    "jobb": "work",
    "home": "private",
    "privat": "private",
    "private": "private",
    "hem": "private",
    "mobile": "mobile",
    "mobil": "mobile",
    "handy": "mobile",
    "fax": "fax",
    "work fax": "fax",
    "home fax": "fax",
    "other": "other",
    "sonstige": "other",
    "oevrigt": "other",
}
"""Labels as address books write them beside a value."""
