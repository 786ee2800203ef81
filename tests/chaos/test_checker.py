"""The checker can fail: a small world in which everything holds, and one lie about it for each invariant, which is found."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from consent.projections.current_consents import current_consents
from consent.projections.known_refs import known_refs
from events.catalogue.access import AccessLinkIssued, ConsentChosen
from events.catalogue.consents import ConsentGiven, ConsentWithdrawn
from events.catalogue.notifications import MailAccepted, MailQueued
from events.catalogue.persons import CrmInformed, PersonAdmitted
from events.catalogue.vocabulary import THE_PERSON, Event
from events.envelope import HEADERS, Recorded, encode, key_of, partition_of
from events.sealing import Key

from .evidence import Applied, Evidence, Mail, Model, Move, Poison, Position, Record, Store, Stored, Watch
from .invariants import contradictions
from .ledger import Answer, Check, Command
from .models import fold

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
ANNA = UUID("8c9b1f64-94f3-4a8a-9d58-0c8f6a3c1a01")
SECRET, HASHING = os.urandom(32), os.urandom(32)
OWNER = {"gdpr.persons": "crm-gateway", "gdpr.consents": "consent", "gdpr.access": "subject-access"}
LATER = NOW + timedelta(seconds=10)
MESSAGE_ID = "<anna-1@nordlicht.example>"


class World:
    """Builds what a healthy installation leaves behind."""

    def __init__(self) -> None:
        self.evidence = Evidence(secrets={ANNA: {1: SECRET}})
        for service in ("crm-gateway", "consent", "subject-access", "notifier"):
            self.evidence.stores[service] = Store()
            self.evidence.watches[service] = Watch()

    def record(self, service: str, stream: str, event: Event, *, command: Command | None = None) -> UUID:
        """Have a service record an event by a command, and publish it."""
        store = self.evidence.stores[service]
        version = store.guards.get(stream, 0) + 1
        recorded: Recorded[Any] = Recorded(
            id=uuid4(), type=type(event).__name__, stream=stream, version=version, subject=ANNA, occurred=event.at,
            recorded=event.at, source=f"/{service}", correlation=None, causation=None, data=event,
        )  # fmt: skip
        value = encode(recorded, Key(1, SECRET))
        key = key_of(stream, ANNA)
        spot = event.topic, partition_of(key)
        store.guards[stream] = version
        store.events.append(Stored(stream, version, recorded.id, *spot, key, value, xid=len(store.events) + 1))
        store.commands[command.id if command else uuid4()] = (stream, version, version)
        log = self.evidence.log.setdefault(spot, [])
        log.append(Record(*spot, len(log), key.encode(), value, tuple(HEADERS)))
        if command:
            command.answers.append(
                Answer(LATER.timestamp(), 200, {"event": str(recorded.id), "version": version, "state": "given"})
            )
        return recorded.id

    def command(self, what: str, at: datetime = NOW, **more: Any) -> Command:
        """Write a command down."""
        made = Command("consent", "consent", uuid4(), what, at.timestamp(), subject=ANNA, kind="newsletter", **more)
        return self.evidence.ledger.add(made)

    def follow(self) -> None:
        """Have the consent service follow the log with one read model, and fill the other with the append."""
        watch = self.evidence.watches["consent"]
        for (topic, partition), records in self.evidence.log.items():
            if topic != "gdpr.persons":
                continue
            name = "known_refs#1"
            watch.moves.append(Move(1, name, topic, partition, None, 0))
            for record in records:
                stream, version = record.envelope.stream, int(record.envelope.sequence)
                xid = 100 + record.offset
                watch.moves.append(Move(xid, name, topic, partition, record.offset, record.offset + 1))
                watch.applied.append(Applied(xid, name, stream, version - 1, version))
                watch.rows.setdefault("known_refs", set()).add(xid)
            watch.positions.append(Position(name, topic, partition, len(records), records[-1].envelope.id, None))
        watch.rows["current_consents"] = {e.xid for e in self.evidence.stores["consent"].events}
        for projection in (known_refs, current_consents):
            model = Model("consent", projection, 1, HASHING)
            model.live = fold(self.evidence, model)
            model.rebuilt = fold(self.evidence, model)
            self.evidence.models.append(model)


def a_world() -> Evidence:
    """Give a world in which everything holds: a person, a consent given and withdrawn, a link mailed, a choice answered."""
    world = World()
    world.record("crm-gateway", f"person-{ANNA}", PersonAdmitted(at=NOW, by=THE_PERSON, crm_ref="K-1"))
    give = world.command("give")
    for command in (give, world.command("withdraw", LATER)):
        kind = ConsentGiven if command is give else ConsentWithdrawn
        more: dict[str, Any] = (
            {"wording": None, "strength": "documented", "evidence": "a form"} if command is give else {}
        )
        event = kind(at=NOW, by=THE_PERSON, kind="newsletter", method="telephone", **more)
        _about(world, world.record("consent", f"consents-{ANNA}", event, command=command))
    link = uuid4()
    issued = AccessLinkIssued(
        at=NOW, by=THE_PERSON, link=link, token_hash="x", expires=LATER, language="de", reason="asked", to="a@x.example",
        for_mail="sealed",
    )  # fmt: skip
    about = world.record("subject-access", f"link-{link}", issued)
    mail = uuid4()
    queued = MailQueued(
        at=NOW, by=THE_PERSON, mail=mail, template="access-link", language="de", to="a@x.example", message_id=MESSAGE_ID,
        about=about, parameters={},
    )  # fmt: skip
    world.record("notifier", f"mail-{mail}", queued)
    world.record("notifier", f"mail-{mail}", MailAccepted(at=NOW, by=THE_PERSON, mail=mail, attempt=1))
    world.evidence.mails.append(Mail(MESSAGE_ID, ("a@x.example",)))
    world.evidence.mails_after_rebuild = 1
    chosen = ConsentChosen(at=NOW, by=THE_PERSON, link=link, kind="personal-offers", choice="withdraw", wording=None)
    choice = world.record("subject-access", f"link-{link}", chosen)
    answer = ConsentWithdrawn(at=NOW, by=THE_PERSON, kind="personal-offers", method="portal", answers=choice)
    _about(world, world.record("consent", f"consents-{ANNA}", answer))
    refused = world.command("give", marker="never-1")
    refused.answers.append(Answer(LATER.timestamp(), 409))
    for command in (world.command("give", burst="b"), world.command("give", burst="b")):
        store = world.evidence.stores["consent"]
        store.commands[command.id] = (f"consents-{ANNA}", 4, 3)
        command.answers.append(Answer(LATER.timestamp(), 200, {"event": None, "version": 3, "state": None}))
    last = world.evidence.by_stream[f"consents-{ANNA}"][1].id
    asked = LATER.timestamp() + 1
    world.evidence.ledger.checks.append(Check(ANNA, "newsletter", asked, asked + 0.1, False, last))
    world.follow()
    told = ["known_refs#1: gdpr.persons/0 stopped at offset 1"]
    world.evidence.poison = Poison(
        "gdpr.persons", 0, 1, {("consent", "known_refs#1"): (1, "offset 1: not an envelope")}, {"consent": told}
    )
    return world.evidence


def _about(world: World, event: UUID) -> None:
    told = CrmInformed(at=NOW, by=THE_PERSON, message=uuid4(), about=event, what="consent", content={})
    world.record("crm-gateway", f"delivery-{told.message}", told)


def test_a_healthy_world_contradicts_nothing() -> None:
    assert {name: said for name, said in contradictions(a_world()).items() if said} == {}


# --- lies --------------------------------------------------------------------------------------------------------

Lie = Callable[[Evidence], None]


def consents(e: Evidence) -> list[Record]:
    return e.log["gdpr.consents", partition_of(str(ANNA))]


def watch(e: Evidence) -> Watch:
    return e.watches["consent"]


def an_event_is_dropped_from_the_log(e: Evidence) -> None:
    del consents(e)[0]


def an_acknowledged_command_is_forgotten(e: Evidence) -> None:
    del e.stores["consent"].commands[e.ledger.commands[0].id]


def a_refused_command_was_carried_out(e: Evidence) -> None:
    refused = next(c for c in e.ledger.commands if c.refused)
    e.stores["consent"].commands[refused.id] = (f"consents-{ANNA}", 9, 8)


def what_was_refused_stands_in_the_log(e: Evidence) -> None:
    e.ledger.commands[-3].marker = "newsletter"


def a_command_was_never_answered(e: Evidence) -> None:
    e.ledger.commands[0].answers.clear()


def a_bad_message_has_vanished(e: Evidence) -> None:
    e.ledger.garbage.add("crm.inbound/0/7")


def a_version_is_forked(e: Evidence) -> None:
    unsealed = consents(e)[1]
    fork = unsealed.value.replace(str(unsealed.envelope.id).encode(), str(uuid4()).encode())
    consents(e).append(replace(unsealed, offset=len(consents(e)), value=fork))


def a_version_is_missing(e: Evidence) -> None:
    del consents(e)[1]


def a_repeat_has_other_bytes(e: Evidence) -> None:
    first = consents(e)[0]
    consents(e).append(replace(first, offset=len(consents(e)), value=first.value + b" "))


def a_repeat_has_another_key(e: Evidence) -> None:
    consents(e).append(replace(consents(e)[0], offset=len(consents(e)), key=b"somebody"))


def two_records_changed_places(e: Evidence) -> None:
    records = consents(e)
    records[0], records[1] = replace(records[1], offset=0), replace(records[0], offset=1)


def a_stream_stands_in_two_partitions(e: Evidence) -> None:
    first = consents(e)[0]
    elsewhere = (first.partition + 1) % 6
    e.log["gdpr.consents", elsewhere] = [replace(first, partition=elsewhere, offset=0)]


def a_repeat_was_answered_otherwise(e: Evidence) -> None:
    command = e.ledger.commands[0]
    command.answers.append(Answer(LATER.timestamp(), 200, {**command.answers[0].body, "version": 9}))


def a_repeat_made_a_second_event(e: Evidence) -> None:
    e.stores["consent"].commands[uuid4()] = (f"consents-{ANNA}", 1, 1)


def two_of_equals_succeeded(e: Evidence) -> None:
    for command in (c for c in e.ledger.commands if c.burst):
        command.answers[0].body["event"] = str(e.by_stream[f"consents-{ANNA}"][0].id)


def an_event_is_unpublished(e: Evidence) -> None:
    e.stores["consent"].events.append(replace(e.stores["consent"].events[-1], id=uuid4(), version=4))


def the_guard_is_ahead_of_the_log(e: Evidence) -> None:
    e.stores["consent"].guards[f"consents-{ANNA}"] += 1


def a_live_row_was_changed(e: Evidence) -> None:
    e.models[1].live[ANNA, "newsletter"]["state"] = "given"


def a_sealed_value_was_changed(e: Evidence) -> None:
    e.models[1].live[ANNA, "newsletter"]["evidence"] = "another form"


def a_row_is_missing(e: Evidence) -> None:
    e.models[0].live.clear()


def a_rebuild_made_another_row(e: Evidence) -> None:
    assert e.models[0].rebuilt is not None
    e.models[0].rebuilt[(uuid4(),)] = {}


def a_position_went_back(e: Evidence) -> None:
    watch(e).moves.append(replace(watch(e).moves[-1], before=1, after=0, xid=999))


def a_position_moved_without_its_rows(e: Evidence) -> None:
    watch(e).applied.clear()


def rows_changed_without_their_position(e: Evidence) -> None:
    watch(e).rows["known_refs"].add(777)


def rows_changed_without_an_append(e: Evidence) -> None:
    watch(e).rows["current_consents"].add(777)


def a_range_was_committed_twice(e: Evidence) -> None:
    watch(e).moves.append(replace(watch(e).moves[-1], xid=998))


def a_version_was_applied_twice(e: Evidence) -> None:
    watch(e).applied.append(replace(watch(e).applied[-1], xid=998))


def somebody_stopped_in_a_healthy_log(e: Evidence) -> None:
    watch(e).positions[0] = replace(watch(e).positions[0], halted="offset 0: not an envelope")


def somebody_went_past_the_poison(e: Evidence) -> None:
    assert e.poison is not None
    e.poison = replace(e.poison, stopped={("consent", "known_refs#1"): (2, "offset 1")})


def somebody_stopped_and_said_nothing(e: Evidence) -> None:
    assert e.poison is not None
    e.poison = replace(e.poison, told={})


def something_behind_the_poison_was_applied(e: Evidence) -> None:
    assert e.poison is not None
    e.poison = replace(e.poison, applied=["consent: known_refs#1 applied version 2"])


def a_position_lags(e: Evidence) -> None:
    watch(e).positions[0] = replace(watch(e).positions[0], next_offset=0)


def a_position_names_another_event(e: Evidence) -> None:
    watch(e).positions[0] = replace(watch(e).positions[0], last_id=uuid4())


def it_never_came_to_rest(e: Evidence) -> None:
    e.restless.append("consent: 3 events are not published")


def a_check_said_yes_after_the_withdrawal(e: Evidence) -> None:
    first = e.by_stream[f"consents-{ANNA}"][0].id
    e.ledger.checks[0] = replace(e.ledger.checks[0], allowed=True, event=first)


def a_check_named_an_event_of_nobody(e: Evidence) -> None:
    e.ledger.checks[0] = replace(e.ledger.checks[0], event=uuid4())


def a_mail_never_arrived(e: Evidence) -> None:
    e.mails.clear()


def a_mail_came_under_another_id(e: Evidence) -> None:
    e.mails.append(Mail("<another@x.example>", ("a@x.example",)))


def a_mail_went_to_somebody_else(e: Evidence) -> None:
    e.mails.append(Mail(MESSAGE_ID, ("b@x.example",)))


def a_rebuild_sent_a_mail(e: Evidence) -> None:
    e.mails_after_rebuild = 2


def a_reaction_happened_twice(e: Evidence) -> None:
    world = World()
    world.evidence = e
    told = next(event.data for event in e.events if isinstance(event.data, CrmInformed))
    vars(e).pop("events"), vars(e).pop("by_stream", None)
    world.record("crm-gateway", f"delivery-{uuid4()}", told.model_copy(update={"message": uuid4()}))


def a_choice_has_no_answer(e: Evidence) -> None:
    world = World()
    world.evidence = e
    choice = ConsentChosen(at=NOW, by=THE_PERSON, link=None, kind="newsletter", choice="withdraw", wording=None)
    world.record("subject-access", f"link-{uuid4()}", choice)


LIES: list[tuple[str, Lie]] = [
    ("I1", an_event_is_dropped_from_the_log),
    ("I1", an_acknowledged_command_is_forgotten),
    ("I1", a_refused_command_was_carried_out),
    ("I1", what_was_refused_stands_in_the_log),
    ("I1", a_command_was_never_answered),
    ("I1", a_bad_message_has_vanished),
    ("I2", a_version_is_forked),
    ("I2", a_version_is_missing),
    ("I3", a_version_is_forked),
    ("I3", a_repeat_has_other_bytes),
    ("I3", a_repeat_has_another_key),
    ("I4", two_records_changed_places),
    ("I4", a_stream_stands_in_two_partitions),
    ("I5", a_repeat_was_answered_otherwise),
    ("I5", a_repeat_made_a_second_event),
    ("I6", two_of_equals_succeeded),
    ("I7", an_event_is_unpublished),
    ("I7", an_event_is_dropped_from_the_log),
    ("I7", the_guard_is_ahead_of_the_log),
    ("P1", a_live_row_was_changed),
    ("P1", a_sealed_value_was_changed),
    ("P1", a_row_is_missing),
    ("P1", a_rebuild_made_another_row),
    ("P2", a_position_went_back),
    ("P2", a_position_moved_without_its_rows),
    ("P2", rows_changed_without_their_position),
    ("P2", rows_changed_without_an_append),
    ("P3", a_range_was_committed_twice),
    ("P3", a_version_was_applied_twice),
    ("P4", somebody_stopped_in_a_healthy_log),
    ("P4", somebody_went_past_the_poison),
    ("P4", somebody_stopped_and_said_nothing),
    ("P4", something_behind_the_poison_was_applied),
    ("P5", a_position_lags),
    ("P5", a_position_names_another_event),
    ("P5", it_never_came_to_rest),
    ("C1", a_check_said_yes_after_the_withdrawal),
    ("C1", a_check_named_an_event_of_nobody),
    ("N1", a_mail_never_arrived),
    ("N1", a_mail_came_under_another_id),
    ("N1", a_mail_went_to_somebody_else),
    ("N2", a_rebuild_sent_a_mail),
    ("R1", a_reaction_happened_twice),
    ("R1", a_choice_has_no_answer),
]


@pytest.mark.parametrize(("invariant", "lie"), LIES, ids=lambda one: one if isinstance(one, str) else one.__name__)
def test_a_lie_is_found(invariant: str, lie: Lie) -> None:
    world = a_world()
    lie(world)
    for cached in ("events", "by_stream"):
        vars(world).pop(cached, None)
    assert contradictions(world)[invariant]
