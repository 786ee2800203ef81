"""What the desk says for the slugs that services answer: states, ways, refusals, events."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from console.calling import Refusal
from web.catalogues import N_

SERVICES: Final[Mapping[str, str]] = {
    "crm-gateway": N_("The customers' records are not reachable at the moment. Try again shortly."),
    "consent": N_("The consents are not reachable at the moment. Try again shortly."),
    "subject-access": N_("The customers' portal is not reachable at the moment. Try again shortly."),
    "notifier": N_("The mail dispatch is not reachable at the moment. Try again shortly."),
    "audit": N_("The log is not reachable at the moment. Try again shortly."),
    "": N_("A service is not reachable at the moment. Try again shortly."),
}

CONSENT_STATES: Final[Mapping[str, tuple[str, str]]] = {
    "given": (N_("Given"), "good"),
    "withdrawn": (N_("Withdrawn"), "bad"),
    "refused": (N_("Refused"), "bad"),
    "expired": (N_("Expired"), "bad"),
    "objection": (N_("Objection stands"), "bad"),
    "none": (N_("Never given"), "plain"),
}
"""What is said of a consent, and how its tag looks."""

METHODS: Final[Mapping[str, str]] = {
    "portal": N_("in the portal"),
    "web_form": N_("on the website"),
    "crm": N_("in the CRM"),
    "import": N_("by import"),
    "telephone": N_("by telephone"),
    "paper": N_("in writing"),
    "staff": N_("in person"),
    "unsubscribe": N_("by unsubscribing"),
}

STRENGTHS: Final[Mapping[str, str]] = {
    "strong": N_("strong evidence"),
    "documented": N_("documented"),
    "weak": N_("weak evidence"),
}

LINK_STATES: Final[Mapping[str, tuple[str, str]]] = {
    "open": (N_("Open"), "good"),
    "expired": (N_("Expired"), "plain"),
    "revoked": (N_("Revoked"), "bad"),
}

MAIL_STATES: Final[Mapping[str, tuple[str, str]]] = {
    "queued": (N_("On its way"), "waiting"),
    "sent": (N_("Sent"), "good"),
    "failed": (N_("Not delivered"), "bad"),
}

PERSON_STATES: Final[Mapping[str, tuple[str, str]]] = {
    "removed": (N_("Removed in the CRM"), "waiting"),
    "erased": (N_("Erased"), "bad"),
}

EVENTS: Final[Mapping[str, str]] = {
    "ConsentGiven": N_("Consent given"),
    "ConsentWithdrawn": N_("Consent withdrawn"),
    "ConsentRefused": N_("Consent refused"),
    "ConsentRenewed": N_("Consent renewed"),
    "ConsentExpired": N_("Consent expired"),
    "ConsentInvalidated": N_("Consent declared invalid"),
    "ConsentUsed": N_("Consent used"),
    "ChoiceDeclined": N_("Choice could not be taken over"),
    "SignUpReceived": N_("Signed up"),
    "ConfirmationMailSent": N_("Confirmation mail sent"),
    "ConfirmationPageViewed": N_("Confirmation page opened"),
    "SignUpLapsed": N_("Sign-up lapsed"),
    "ObjectionRaised": N_("Objected to advertising"),
    "ObjectionLifted": N_("Objection taken back"),
    "PersonAdmitted": N_("Became known from the CRM"),
    "PersonChanged": N_("Data changed in the CRM"),
    "FieldsConfirmed": N_("Data confirmed by the CRM"),
    "PersonRemoved": N_("Removed in the CRM"),
    "RecordChanged": N_("Record changed in the CRM"),
    "RecordRemoved": N_("Record removed in the CRM"),
    "ConsentRecordedInCrm": N_("CRM reports a consent"),
    "WithdrawalRecordedInCrm": N_("CRM reports a withdrawal"),
    "CrmInformed": N_("CRM is being told"),
    "CrmConfirmed": N_("CRM took it over"),
    "CrmRefused": N_("CRM refused it"),
    "AccessRequested": N_("Asked for a right"),
    "AccessLinkIssued": N_("Access link made"),
    "AccessLinkRevoked": N_("Access link revoked"),
    "PortalOpened": N_("Portal opened"),
    "ConsentChosen": N_("Chose in the portal"),
    "PersonLookedAt": N_("Looked at by staff"),
    "MailQueued": N_("Mail queued"),
    "MailAccepted": N_("Mail sent"),
    "MailDelayed": N_("Mail delayed"),
    "MailFailed": N_("Mail not delivered"),
    "LogRead": N_("Log read"),
}
"""Events in plain words; one that is not here shows its own name."""

BY: Final[Mapping[str, str]] = {
    "person": N_("the person"),
    "staff": N_("staff"),
    "crm": N_("the CRM"),
    "system": N_("the system"),
}

BASES: Final[Mapping[str, str]] = {
    "consent": N_("Consent"),
    "contract": N_("Contract"),
    "legal_obligation": N_("Legal obligation"),
    "vital_interests": N_("Vital interests"),
    "public_task": N_("Public task"),
    "legitimate_interests": N_("Legitimate interests"),
}

CHANNELS: Final[Mapping[str, str]] = {
    "email": N_("E-mail"),
    "telephone": N_("Telephone"),
    "sms": N_("Text message"),
    "post": N_("Post"),
    "any": N_("Every channel"),
}

FIELD_TYPES: Final[Mapping[str, str]] = {
    "text": N_("Text"),
    "number": N_("Number"),
    "date": N_("Date"),
    "yes_no": N_("Yes or no"),
    "choice": N_("Choice"),
    "emails": N_("E-mail addresses"),
    "phones": N_("Telephone numbers"),
    "addresses": N_("Postal addresses"),
    "language": N_("Language"),
}

RECORDS: Final[Mapping[str, str]] = {
    "order": N_("Order"),
    "invoice": N_("Invoice"),
    "contract": N_("Contract"),
    "offer": N_("Offer"),
    "note": N_("Note"),
    "ticket": N_("Enquiry"),
    "call": N_("Telephone call"),
    "task": N_("Task"),
    "meeting": N_("Meeting"),
}
"""Kinds of records that many CRMs have; any other shows its own name."""

MODEL_STATES: Final[Mapping[str, tuple[str, str]]] = {
    "serving": (N_("Serving"), "good"),
    "rebuilding": (N_("Being rebuilt"), "waiting"),
    "waiting": (N_("Waiting"), "waiting"),
    "halted": (N_("Halted"), "bad"),
}

POST_STATES: Final[Mapping[str, tuple[str, str]]] = {
    "waiting": (N_("Waiting"), "waiting"),
    "dead": (N_("Given up"), "bad"),
    "delivered": (N_("Delivered"), "good"),
}

QUARANTINE: Final[Mapping[str, str]] = {
    "open": N_("Open"),
    "taken": N_("Taken over"),
    "discarded": N_("Discarded"),
}

SPOKEN: Final = (("de", N_("German")), ("en", N_("English")))
"""The languages in which customers are written to and wordings are shown."""

REFUSALS: Final[Mapping[str, str]] = {
    "role-missing": N_("Your account does not have the role that this needs."),
    "unknown-person": N_("There is no such person. Search for them by name, mail or number."),
    "erased": N_("This person has been erased; nothing new is recorded about them."),
    "objection-stands": N_("The person objected to advertising. Only an act of their own lifts that."),
    "weak-evidence": N_("This evidence is too weak here. Say how the consent can be shown."),
    "kind-retired": N_("Nobody is asked for this consent any more."),
    "unknown-kind": N_("There is no such consent."),
    "unknown-wording": N_("This wording was never published. Open the page again."),
    "wording-missing": N_("Say in which language the customer read or heard the wording."),
    "command-id-reused": N_("This form was used before. Open the page again."),
    "unknown-link": N_("There is no such link."),
    "unknown-address": N_("This address is not among the customer's addresses. Open the page again."),
    "lifetime-out-of-bounds": N_("The link may not open for so long. Choose another time."),
    "link-expired": N_("The link has expired."),
    "link-revoked": N_("The link is revoked."),
    "too-many": N_("Too many in a short time. Wait a minute and try again."),
    "unknown-field": N_("There is no such field."),
    "core-field-type": N_("Every CRM has this field; its type cannot be changed."),
    "labels-missing": N_("Give a label in German and in English."),
    "choices": N_("Give the choices, each on a line of its own."),
    "not-open": N_("It has been decided already. The list shows what is open."),
    "unknown-entry": N_("There is no such message in quarantine."),
    "unknown-post": N_("No post of this message waits any more."),
    "unknown-projection": N_("There is no such read model."),
    "rebuild-under-way": N_("It is being rebuilt already."),
    "reason-missing": N_("Say why: a case number, or what is being examined."),
    "reason-too-long": N_("This reason is too long."),
    "reason-names-a-person": N_("The reason stays in the log for ever: name a case, not a person."),
    "invalid-input": N_("Something in it does not fit. Check it and send it again."),
    "busy": N_("Somebody else was faster. Send it again."),
}


def refused(error: Refusal) -> str:
    """Give the message for a refusal, to be said in the reader's language."""
    return REFUSALS.get(error.slug, N_("The service refused this. Open the page again and try once more."))
