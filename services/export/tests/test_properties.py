"""What holds for a copy whatever is wanted of it, and in whatever order."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from events.catalogue.exports import ExportExpired, ExportFetched, ExportPrepared
from events.catalogue.vocabulary import THE_PERSON, Event
from events.deciding import Refused
from export.decider import EXPORTS, Command, ExpireExport, FetchExport, PrepareExport, RequestExport

WHO, COPY = UUID(int=1), UUID(int=2)
BEGAN = datetime(2026, 5, 4, tzinfo=UTC)
times = st.integers(0, 20).map(lambda days: BEGAN + timedelta(days=days))
common = {"subject": st.just(WHO), "export": st.just(COPY), "at": times, "by": st.just(THE_PERSON)}
commands: st.SearchStrategy[Command] = st.one_of(
    st.builds(RequestExport, format=st.sampled_from(["xlsx", "json"]), **common),
    st.builds(PrepareExport, digest=st.sampled_from(["a", "b"]), size=st.just(1), expires=times, **common),
    st.builds(FetchExport, **common),
    st.builds(ExpireExport, **common),
)


@given(st.lists(commands, max_size=25))
def test_a_copy_is_fetched_only_between_its_preparation_and_its_end(wanted: list[Command]) -> None:
    copy, log = EXPORTS.initial, list[Event]()
    for command in wanted:
        try:
            happened = list(EXPORTS.decide(copy, command))
        except Refused:
            continue
        log += happened
        copy = EXPORTS.fold(happened, copy)
    prepared = [e for e in log if isinstance(e, ExportPrepared)]
    expired = [e for e in log if isinstance(e, ExportExpired)]
    fetched = [e for e in log if isinstance(e, ExportFetched)]
    assert len(prepared) <= 1
    assert len(expired) <= 1
    if fetched:
        assert all(e.at < prepared[0].expires for e in fetched)
        assert log.index(fetched[0]) > log.index(prepared[0])
    if expired:
        assert log[-1] == expired[0]
        assert expired[0].at >= prepared[0].expires
