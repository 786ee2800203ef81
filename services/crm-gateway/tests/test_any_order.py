"""Whatever the order in which the CRM's messages arrive, and however often: the record is the same in the end."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from hypothesis import given
from hypothesis import strategies as st

from crm_gateway.deciders.person import PERSON, ChangePerson, RemovePerson
from crm_gateway.fingerprints import fingerprints
from crm_gateway.projections.persons import PersonRow, persons
from events.catalogue.vocabulary import Actor
from events.envelope import Recorded

SUBJECT = UUID("1b6f2b52-8f1e-4c38-8a53-3d6f2b0c9a01")
START = datetime(2026, 5, 1, tzinfo=UTC)
BY = Actor(kind="crm")
FIELDS = ("first_name", "last_name", "custom.size")

values = st.dictionaries(st.sampled_from(FIELDS), st.sampled_from([None, "a", "b", "c"]), min_size=1)
times = st.integers(0, 6)
changes = st.tuples(st.just("change"), times, values, st.booleans())
removals = st.tuples(st.just("remove"), times, st.just({}), st.just(False))
messages = st.lists(st.one_of(changes, removals), min_size=1, max_size=7)


def command_of(message: tuple[str, int, dict[str, Any], bool]) -> ChangePerson | RemovePerson:
    what, at, said, full = message
    whose: dict[str, Any] = {"subject": SUBJECT, "crm_ref": "K", "at": START + timedelta(days=at), "by": BY}
    if what == "remove":
        return RemovePerson(**whose)
    return ChangePerson(values=said, prints=fingerprints(b"k" * 32, said), full=full, **whose)


def arrive(sent: list[Any]) -> PersonRow | None:
    """Give the read model's row after these messages."""
    state, row = PERSON.initial, None
    for message in sent:
        for event in PERSON.decide(state, command_of(message)):
            state = PERSON.evolve(state, event)
            recorded: Recorded[Any] = Recorded(
                id=uuid4(),
                type=type(event).__name__,
                stream="s",
                version=1,
                subject=SUBJECT,
                occurred=event.at,
                recorded=event.at,
                source="/crm-gateway",
                correlation=None,
                causation=None,
                data=event,
            )
            row = persons(row, recorded)
    return row


def seen(row: PersonRow | None) -> tuple[str, dict[str, Any]]:
    """Give what staff would see: an empty field and one that was never named are the same."""
    assert row is not None
    assert isinstance(row.values, dict)
    return row.state, {field: value for field, value in row.values.items() if value is not None}


@given(messages, st.randoms(use_true_random=False), st.integers(0, 4))
def test_order_and_repetition_decide_nothing(sent: list[Any], chance: Any, repeats: int) -> None:
    shuffled = [*sent, *(chance.choice(sent) for _ in range(repeats))]
    chance.shuffle(shuffled)
    assert seen(arrive(shuffled)) == seen(arrive(sent))


@given(messages)
def test_the_newest_saying_about_a_field_stands(sent: list[Any]) -> None:
    state, shown = seen(arrive(sent))
    for field in FIELDS:
        said = [
            (at, value.get(field)) for what, at, value, full in sent if what == "change" and (field in value or full)
        ]
        newest = max((at for at, _ in said), default=None)
        allowed = {value for at, value in said if at == newest} or {None}
        assert shown.get(field) in allowed
    heard = max((at for what, at, _, _ in sent if what == "change"), default=-1)
    removed = max((at for what, at, _, _ in sent if what == "remove"), default=-2)
    assert state == ("removed" if removed >= heard else "present")
