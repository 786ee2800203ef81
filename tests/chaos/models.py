"""What must hold of read models (P1-P5), each invariant as one function over the evidence."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from events.projecting import Projection
from events.runtime.tables import Table

from .evidence import Evidence, Model, Move, Rows, Watch
from .looking import plain

Contradictions = Iterator[str]


def p1_a_read_model_is_the_fold_of_the_log(evidence: Evidence) -> Contradictions:
    """The live rows, the rows of a rebuild from nothing, and a plain fold over the log are the same, row by row."""
    for model in evidence.models:
        folded = fold(evidence, model)
        yield from _differences(f"{model.service}/{model.projection.table}, live", model.live, folded)
        if model.rebuilt is not None:
            yield from _differences(f"{model.service}/{model.projection.table}, rebuilt", model.rebuilt, folded)


def fold(evidence: Evidence, model: Model) -> Rows:
    """Fold the log into rows as simply as can be: one event after the other, in a dict."""
    projection: Projection[Any] = model.projection
    rows: dict[tuple[Any, ...], Any] = {}
    for event in evidence.events:
        if type(event.data) in projection.of:
            key = projection.key(event)
            key = key if isinstance(key, tuple) else (key,)
            rows[key] = projection.fold(rows.get(key), event)
    table = Table(projection)
    return {key: plain(table, row, model.hashing) for key, row in rows.items() if row is not None}


def _differences(name: str, found: Rows, wanted: Rows) -> Contradictions:
    yield from (f"{name}: row {key} is missing" for key in wanted.keys() - found.keys())
    yield from (f"{name}: row {key} should not be there" for key in found.keys() - wanted.keys())
    for key in found.keys() & wanted.keys():
        for column, value in wanted[key].items():
            if found[key][column] != value:
                yield f"{name}: row {key} has another {column}"


def p2_positions_move_forward_and_only_with_their_rows(evidence: Evidence) -> Contradictions:
    """A stored position never goes back, and moves in the same transaction as what it stands for: exactly the versions that lie
    between the two offsets are noted as applied in it, and rows of a read model change in no other transaction. Rows written with
    the append change only together with an event."""
    for service, watch in evidence.watches.items():
        for move in watch.moves:
            if move.before is not None and move.after < move.before:
                yield f"{service}: {_placed(move)} went back from {move.before} to {move.after}"
        yield from (f"{service}: {said}" for said in _applied_with_the_moves(evidence, watch))
        appended = {e.xid for e in evidence.stores[service].events}
        for model in (m for m in evidence.models if m.service == service):
            moved = {m.xid for m in watch.moves if m.name == model.name}
            for xid in watch.rows.get(model.projection.table, set()) - (moved or appended):
                yield f"{service}: rows of {model.projection.table} changed in transaction {xid}, and no position moved in it"


def _applied_with_the_moves(evidence: Evidence, watch: Watch) -> Contradictions:
    noted: dict[tuple[str, int], dict[str, int]] = defaultdict(dict)
    for applied in watch.applied:
        noted[applied.name, applied.xid][applied.stream] = applied.after
    projecting = {m.name for m in evidence.models}
    moves: dict[tuple[str, int], list[Move]] = defaultdict(list)
    for move in watch.moves:
        if move.name in projecting:
            moves[move.name, move.xid].append(move)
    seen: dict[str, dict[str, int]] = defaultdict(dict)
    for (name, xid), together in moves.items():
        found = noted.pop((name, xid), {})
        if all(move.before is None for move in together):  # the watch began, or a position was made
            seen[name] |= found
            continue
        wanted: dict[str, int] = {}
        for move in together:
            for record in evidence.log.get((move.topic, move.partition), []):
                if (move.before or 0) <= record.offset < move.after:
                    envelope = record.envelope
                    if int(envelope.sequence) > seen[name].get(envelope.stream, 0):
                        wanted[envelope.stream] = seen[name][envelope.stream] = int(envelope.sequence)
        if found != wanted:
            yield f"{name} moved in transaction {xid} over {len(wanted)} streams, and noted {len(found)} as applied"
    for name, xid in noted:
        if name in projecting:
            yield f"{name} noted versions as applied in transaction {xid}, and no position moved in it"


def p3_no_range_is_committed_twice(evidence: Evidence) -> Contradictions:
    """Whoever owns a partition begins where the last commit ended: two owners never both commit one range, and no version of a
    stream is applied twice."""
    for service, watch in evidence.watches.items():
        chains: dict[tuple[str, str, int], list[Move]] = defaultdict(list)
        for move in watch.moves:
            chains[move.name, move.topic, move.partition].append(move)
        for chain in chains.values():
            for earlier, later in pairwise(chain):
                if later.before != earlier.after:
                    yield f"{service}: {_placed(later)} was moved from {later.before}, where it stood at {earlier.after}"
        reached: dict[tuple[str, str], int] = {}
        for applied in watch.applied:
            stream = applied.name, applied.stream
            if applied.before != reached.get(stream, 0) or applied.after <= applied.before:
                yield f"{service}: {applied.name} applied {applied.stream} from {applied.before}, after {reached.get(stream, 0)}"
            reached[stream] = applied.after


def p4_what_cannot_be_applied_stops_its_partition(evidence: Evidence) -> Contradictions:
    """Nothing in a healthy log stops anybody. A record that cannot be read stops every reader of its partition in front of it, for
    all to see in the position and in what the service says of itself, and nothing behind it is applied."""
    for service, watch in evidence.watches.items():
        for position in watch.positions:
            if position.halted:
                yield f"{service}: {position.name} stopped in {position.topic}/{position.partition} at {position.halted}"
    poison = evidence.poison
    if poison is None:
        return
    if not poison.stopped:
        yield f"nobody reads {poison.topic}/{poison.partition}, where the poison lies"
    for (service, name), (offset, why) in poison.stopped.items():
        if offset != poison.offset:
            yield f"{service}: {name} stands at {offset}, and the poison at {poison.offset}"
        if not why:
            yield f"{service}: {name} does not say that it stopped"
        if not any(name in told and "stopped" in told for told in poison.told.get(service, ())):
            yield f"{service} does not say on /readyz that {name} stopped"
    yield from (f"{said}, and it stands behind the poison" for said in poison.applied)


def p5_the_lag_returns_to_zero(evidence: Evidence) -> Contradictions:
    """After the storm everything comes to rest within the bound, and every position stands at the end of its log, behind the record
    that it names."""
    yield from (f"after the bound: {said}" for said in evidence.restless)
    living = {m.name for m in evidence.models} | {"reactions"}
    for service, watch in evidence.watches.items():
        for position in watch.positions:
            if position.name not in living:
                continue
            records = evidence.log.get((position.topic, position.partition), [])
            end = records[-1].offset + 1 if records else 0
            where = f"{service}: {position.name} in {position.topic}/{position.partition}"
            if position.next_offset != end:
                yield f"{where} stands at {position.next_offset}, the log ends at {end}"
            elif records and position.last_id != records[-1].envelope.id:
                yield f"{where} names another event than the last of the log"


def _placed(move: Move) -> str:
    return f"{move.name} in {move.topic}/{move.partition}"
