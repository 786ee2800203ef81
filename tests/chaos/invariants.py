"""What must hold whatever was killed: each invariant is one function over the evidence, and gives what contradicts it as sentences.

The letters are those of the project's list: I the log, P the read models, C consent, N mails. `R1`, an event that asks for an
answer of another service has exactly one, is what the reactions promise.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from consent.projections.current_consents import CurrentConsent, current_consents
from events.catalogue import OWNERS
from events.catalogue.access import AccessLinkIssued, ConsentChosen
from events.catalogue.consents import ChoiceDeclined, ConsentGiven, ConsentRefused, ConsentWithdrawn
from events.catalogue.notifications import MailAccepted, MailFailed, MailQueued
from events.catalogue.persons import CrmConfirmed, CrmInformed
from events.envelope import AnyRecorded, key_of, partition_of

from .evidence import Evidence
from .ledger import Command
from .models import (
    p1_a_read_model_is_the_fold_of_the_log,
    p2_positions_move_forward_and_only_with_their_rows,
    p3_no_range_is_committed_twice,
    p4_what_cannot_be_applied_stops_its_partition,
    p5_the_lag_returns_to_zero,
)

Contradictions = Iterator[str]


# --- the log ---------------------------------------------------------------------------------------------------


def i1_what_was_acknowledged_is_in_the_log(evidence: Evidence) -> Contradictions:
    """Every acknowledged command has its events in Kafka, each event that its answer named among them; a refused command has none,
    and neither it nor what it said stands anywhere. Nobody waits for an answer for ever."""
    logged = {(e.stream, e.version) for e in evidence.events}
    ids = {e.id for e in evidence.events}
    for command, answer in evidence.ledger.acknowledged():
        known = evidence.stores[command.owner].commands.get(command.id)
        if known is None:
            yield f"{_named(command)} was acknowledged, and its owner does not know it"
            continue
        stream, first, last = known
        for version in range(first, last + 1):
            if (stream, version) not in logged:
                yield f"{_named(command)} was acknowledged, and version {version} of {stream} is not in the log"
        told = answer.body.get("event") if isinstance(answer.body, dict) else None
        if told is not None and UUID(told) not in ids:
            yield f"{_named(command)} was answered with event {told}, which is not in the log"
    for command in evidence.ledger.commands:
        if command.refused:
            if command.id in evidence.stores[command.owner].commands:
                yield f"{_named(command)} was refused, and its owner carried it out"
            if command.marker and any(command.marker.encode() in r.value for rs in evidence.log.values() for r in rs):
                yield f"{_named(command)} was refused, and what it said is in the log"
    for command in evidence.ledger.unanswered():
        yield f"{_named(command)} was never answered in {command.tries} tries"
    for place in evidence.ledger.garbage - evidence.quarantined:
        yield f"the bad message at {place} was acknowledged by the broker and is not in quarantine"


def i2_versions_have_no_gap_and_no_fork(evidence: Evidence) -> Contradictions:
    """Per stream, after removing repeats, versions are exactly 1..n."""
    for stream, events in evidence.by_stream.items():
        versions = [e.version for e in events]
        if versions != list(range(1, len(versions) + 1)):
            yield f"{stream} has the versions {versions}"


def i3_a_repeat_is_the_same_bytes(evidence: Evidence) -> Contradictions:
    """Records with one event id are byte-identical and stand in one partition, and are what the owner's store holds; no two event
    ids share a stream and version."""
    first: dict[UUID, tuple[Any, ...]] = {}
    owner: dict[tuple[str, int], UUID] = {}
    stored = {e.id: e for store in evidence.stores.values() for e in store.events}
    for spot, records in evidence.log.items():
        for record in records:
            envelope = record.envelope
            bytes_ = (spot, record.key, record.value, record.headers)
            if first.setdefault(envelope.id, bytes_) != bytes_:
                yield f"event {envelope.id} stands in the log with different bytes"
            if owner.setdefault((envelope.stream, int(envelope.sequence)), envelope.id) != envelope.id:
                yield f"version {envelope.sequence} of {envelope.stream} stands in the log for two events"
            kept = stored.get(envelope.id)
            if kept is not None and (kept.value != record.value or kept.key.encode() != record.key):
                yield f"event {envelope.id} is not in the log as it is in its owner's store"


def i4_first_occurrences_are_in_order(evidence: Evidence) -> Contradictions:
    """Per stream, first occurrences appear in version order, in the one partition that its key belongs to."""
    where: dict[str, set[tuple[str, int]]] = defaultdict(set)
    reached: Counter[str] = Counter()
    for spot, records in evidence.log.items():
        for record in records:
            envelope = record.envelope
            stream, version = envelope.stream, int(envelope.sequence)
            where[stream].add(spot)
            if version > reached[stream] + 1:
                yield f"version {version} of {stream} comes before version {reached[stream] + 1}"
            reached[stream] = max(reached[stream], version)
            if partition_of(key_of(stream, envelope.subject)) != spot[1]:
                yield f"{stream} stands in partition {spot[1]}, where it does not belong"
    for stream, spots in where.items():
        if len(spots) > 1:
            yield f"{stream} stands in {len(spots)} partitions"


def i5_a_repeat_of_a_command_does_nothing(evidence: Evidence) -> Contradictions:
    """A repeated command id gives the same answer, and no new event: every event belongs to exactly one command."""
    for command in evidence.ledger.commands:
        told = {_stable(command, a.body) for a in command.answers if a.status < 300}
        if len(told) > 1:
            yield f"{_named(command)} was answered in {len(told)} ways: {sorted(map(str, told))}"
        if told and any(400 <= a.status < 500 for a in command.answers):
            yield f"{_named(command)} was accepted once and refused once"
    for service, store in evidence.stores.items():
        made: Counter[tuple[str, int]] = Counter()
        for stream, first, last in store.commands.values():
            made.update((stream, version) for version in range(first, last + 1))
        kept = Counter((e.stream, e.version) for e in store.events)
        for (stream, version), count in ((made - kept) + (kept - made)).items():
            yield f"{service}: version {version} of {stream} does not belong to exactly one command ({count} off)"


def i6_of_equals_one_succeeds(evidence: Evidence) -> Contradictions:
    """Of commands that want the same thing at the same moment, seeing the same version, at most one makes it happen, and no two
    come out as the same version. (No public door takes an expected version; the guard has to do it by itself.)"""
    bursts: dict[str, list[Command]] = defaultdict(list)
    for command in evidence.ledger.commands:
        if command.burst:
            bursts[command.burst].append(command)
    for burst in bursts.values():
        answers = [a.body for c in burst if (a := c.acknowledged)]
        happened = [a["event"] for a in answers if a["event"]]
        if len(happened) > 1:
            yield f"{len(happened)} of {len(burst)} equal commands to {burst[0].what} made it happen: {happened}"


def i7_at_rest_everything_is_published(evidence: Evidence) -> Contradictions:
    """At rest nothing is unpublished and nothing in the log is unknown to its owner, and the guard's version equals the log's."""
    for service, store in evidence.stores.items():
        own = {topic for topic, owner in OWNERS.items() if owner == service}
        logged = {r.envelope.id for (topic, _), records in evidence.log.items() if topic in own for r in records}
        kept = {e.id for e in store.events}
        yield from (f"{service}: event {e} was never published" for e in kept - logged)
        yield from (f"{service}: event {e} is in the log and not in the store" for e in logged - kept)
        versions = {s: events[-1].version for s, events in evidence.by_stream.items() if s in store.guards}
        for stream, guard in store.guards.items():
            if versions.get(stream) != guard:
                yield f"{service}: the guard of {stream} is at {guard}, the log at {versions.get(stream)}"


# --- consent ---------------------------------------------------------------------------------------------------


def c1_a_check_knows_every_acknowledged_withdrawal(evidence: Evidence) -> Contradictions:
    """Each check answered in the storm is the fold of that person's log up to some moment between question and answer: never older
    than what had been acknowledged before it was asked, never newer than what was recorded before it was answered. And put without
    any fold: after an acknowledged withdrawal the answer is no, until somebody asks for the consent again."""
    acts: dict[tuple[UUID, str], list[Command]] = defaultdict(list)
    versions: dict[UUID, list[tuple[float, int]]] = defaultdict(list)
    for command in evidence.ledger.commands:
        if command.subject and command.kind and command.what in ("give", "withdraw"):
            acts[command.subject, command.kind].append(command)
        if command.door == "consent" and command.subject and (answer := command.acknowledged):
            versions[command.subject].append((answer.at, answer.body["version"]))
    for check in evidence.ledger.checks:
        history = evidence.by_stream.get(f"consents-{check.subject}", [])
        least = max((version for at, version in versions[check.subject] if at < check.asked), default=0)
        answered = datetime.fromtimestamp(check.answered, UTC)
        row: CurrentConsent | None = None
        possible = set()
        for event in (None, *history):
            if event is not None and event.recorded > answered:
                break
            if event is not None and type(event.data) in current_consents.of and event.data.kind == check.kind:
                row = current_consents.fold(row, event)
            if (event.version if event is not None else 0) >= least:
                possible.add((row is not None and row.state == "given", row.decided_by if row else None))
        if (check.allowed, check.event) not in possible:
            yield f"a check of {check.kind} for {check.subject} answered {check.allowed}, which was true at no moment of it"
        if check.allowed and _withdrawn_for_sure(acts[check.subject, check.kind], check.asked, check.answered):
            yield f"a check of {check.kind} for {check.subject} said yes after an acknowledged withdrawal"


def _withdrawn_for_sure(acts: list[Command], asked: float, answered: float) -> bool:
    """Whether a withdrawal was acknowledged before the question, and no consent was on its way since it was sent."""
    ended = [a for a in acts if a.what == "withdraw" and a.door == "consent" and (y := a.acknowledged) and y.at < asked]
    if not ended:
        return False
    last = max(a.sent for a in ended)
    return not any(
        a.what == "give" and a.sent < answered and (not a.answers or a.answers[0].at > last or a.door != "consent")
        for a in acts
    )


# --- effects ---------------------------------------------------------------------------------------------------


def n1_a_mail_goes_out_under_one_message_id(evidence: Evidence) -> Contradictions:
    """Per mail that was wanted at least one was accepted, all under its one Message-ID and to its one address; nobody got a mail that
    no event asks for. Each link that was to be mailed has exactly one mail. (All mails so far are of the kind at-least-once.)"""
    wanted = {e.data.message_id.strip("<>"): e for e in evidence.events if isinstance(e.data, MailQueued)}
    failed = {e.data.mail for e in evidence.events if isinstance(e.data, MailFailed)}
    taken = {e.data.mail for e in evidence.events if isinstance(e.data, MailAccepted)}
    arrived: dict[str, set[tuple[str, ...]]] = defaultdict(set)
    for mail in evidence.mails:
        arrived[mail.message_id.strip("<>")].add(mail.recipients)
    for message_id, event in wanted.items():
        if message_id not in arrived and event.data.mail not in failed:
            yield f"mail {event.data.mail} was queued and never arrived"
        elif message_id not in arrived and event.data.mail in taken:
            yield f"mail {event.data.mail} is said to be accepted and never arrived"
        if arrived.get(message_id, set()) - {(event.data.to,)}:
            yield f"mail {event.data.mail} arrived at another address than it was meant for"
        if event.data.mail not in taken | failed:
            yield f"mail {event.data.mail} has no end: neither accepted nor failed"
    yield from (f"a mail {m} arrived that nothing asks for" for m in arrived.keys() - wanted.keys())
    mails = Counter(e.data.about for e in evidence.events if isinstance(e.data, MailQueued))
    if "notifier" in evidence.stores:
        for link in (e for e in evidence.events if isinstance(e.data, AccessLinkIssued) and e.data.for_mail):
            if mails[link.id] != 1:
                yield f"link {link.data.link} has {mails[link.id]} mails"


def n2_a_rebuild_sends_nothing(evidence: Evidence) -> Contradictions:
    """Building every read model anew sends no mail."""
    if evidence.mails_after_rebuild is not None and evidence.mails_after_rebuild != len(evidence.mails):
        yield f"there were {len(evidence.mails)} mails before the rebuilds and {evidence.mails_after_rebuild} after them"


def r1_a_reaction_happens_once(evidence: Evidence) -> Contradictions:
    """Each choice made in the portal has exactly one answer of the consent service. The CRM is told of each change that did not come
    from it exactly once, and what it read in the feed and confirmed is confirmed once."""
    answers = Counter(
        e.data.answers
        for e in evidence.events
        if isinstance(e.data, ConsentGiven | ConsentWithdrawn | ConsentRefused | ChoiceDeclined) and e.data.answers
    )
    for choice in (e for e in evidence.events if isinstance(e.data, ConsentChosen)):
        if answers[choice.id] != 1:
            yield f"choice {choice.id} has {answers[choice.id]} answers"
    informed = Counter(e.data.about for e in evidence.events if isinstance(e.data, CrmInformed))
    for event in evidence.events:
        if _concerns_crm(event) and informed[event.id] != 1:
            yield f"the CRM was told {informed[event.id]} times of event {event.id}"
    confirmed = Counter(e.data.message for e in evidence.events if isinstance(e.data, CrmConfirmed))
    for message, count in confirmed.items():
        if count > 1:
            yield f"message {message} was confirmed {count} times"
    numbers = Counter(evidence.ledger.fed.values())
    for number, count in numbers.items():
        if count > 1:
            yield f"number {number} of the feed stood for {count} messages"


def _concerns_crm(event: AnyRecorded) -> bool:
    data = event.data
    return isinstance(data, ConsentGiven | ConsentWithdrawn | ConsentRefused) and data.method not in ("crm", "import")


# --- all of them -----------------------------------------------------------------------------------------------

INVARIANTS: dict[str, Callable[[Evidence], Contradictions]] = {
    "I1": i1_what_was_acknowledged_is_in_the_log,
    "I2": i2_versions_have_no_gap_and_no_fork,
    "I3": i3_a_repeat_is_the_same_bytes,
    "I4": i4_first_occurrences_are_in_order,
    "I5": i5_a_repeat_of_a_command_does_nothing,
    "I6": i6_of_equals_one_succeeds,
    "I7": i7_at_rest_everything_is_published,
    "P1": p1_a_read_model_is_the_fold_of_the_log,
    "P2": p2_positions_move_forward_and_only_with_their_rows,
    "P3": p3_no_range_is_committed_twice,
    "P4": p4_what_cannot_be_applied_stops_its_partition,
    "P5": p5_the_lag_returns_to_zero,
    "C1": c1_a_check_knows_every_acknowledged_withdrawal,
    "N1": n1_a_mail_goes_out_under_one_message_id,
    "N2": n2_a_rebuild_sends_nothing,
    "R1": r1_a_reaction_happens_once,
}


def contradictions(evidence: Evidence) -> dict[str, list[str]]:
    """Give for each invariant what contradicts it; nothing where it holds."""
    return {name: list(holds(evidence)) for name, holds in INVARIANTS.items()}


def _named(command: Command) -> str:
    return f"{command.what} at the door {command.door} ({command.id})"


def _stable(command: Command, body: Any) -> Any:
    """Give what of an answer is the same at each repeat: the CRM's door says `repeated` the second time."""
    if not isinstance(body, dict):
        return None
    if command.door == "consent":
        return tuple(sorted((name, str(value)) for name, value in body.items()))
    return body.get("subject_id") or body.get("link")
