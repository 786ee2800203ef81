"""Any read model of the portal can be thrown away: built anew from the log it says the same, and links work all the while."""

from __future__ import annotations

from typing import Any

from subject_access.projections.links import links
from subject_access.projections.looks import looks

from .conftest import LENA, Portal, eventually


async def rows_of(portal: Portal, name: str) -> list[Any]:
    runner = portal.access.service.runners[name]
    rows = await portal.access.service.reader(runner.projection).select()
    return sorted(map(str, rows))


async def test_every_read_model_built_anew_says_the_same(portal: Portal) -> None:
    await portal.offer()
    subject = await portal.person()
    await portal.given(subject)
    await portal.ask(LENA, "POST", f"/v1/persons/{subject}/looks", {"where": "actionpad"})
    _, token = await portal.link(subject)
    async with portal.visitor() as browser, browser.get(f"/l/{token}") as answer:
        assert answer.status == 200

    async def told() -> bool:
        return len([row for row in await rows_of(portal, "happenings") if "PortalOpened" in row]) == 1

    await eventually(told)
    service = portal.access.service
    for name, runner in service.runners.items():
        before = await rows_of(portal, name)
        assert await runner.rebuild() == len(before), name
        assert await rows_of(portal, name) == before, name
    assert await service.reader(links).select()
    assert await service.reader(looks).select()
    async with portal.visitor() as browser, browser.get(f"/l/{token}") as answer:
        assert answer.status == 200
