"""`gdpr projection`: the services' read models, how far they are, and making one anew."""

from __future__ import annotations

import time
from typing import Annotated, Any

import typer

from stack.answering import AsJson, answer, err, explained, out, table
from stack.client import Client
from stack.services import SERVICES
from stack.trouble import Exit, StackError

app = typer.Typer(help="The services' read models: how far they are, and making one anew.", no_args_is_help=True)

PROJECTING = tuple(service.name for service in SERVICES if service.database)
Only = Annotated[str | None, typer.Option("--service", help="Only of this service.")]


@app.command("list")
@explained
def list_projections(service: Only = None, as_json: AsJson = False) -> None:
    """List every read model and reaction, with its state."""
    with Client.here() as client:
        found = _projections(client, service)
    answer(
        found,
        as_json,
        lambda: table(
            ("Service", "Name", "State", "Lag"),
            [(one["service"], one["name"], _state(one), _lag(one)) for one in found],
        ),
    )


@app.command()
@explained
def lag(service: Only = None, as_json: AsJson = False) -> None:
    """Say how many events each partition of each read model is behind the log."""
    with Client.here() as client:
        found = _projections(client, service)
    rows = [
        (
            one["service"],
            one["name"],
            f"{part.get('topic')}/{part.get('partition')}",
            part.get("next_offset"),
            _behind(part),
        )
        for one in found
        for part in one.get("partitions", [])
    ]
    answer(found, as_json, lambda: table(("Service", "Name", "Partition", "Position", "Lag"), rows))


@app.command()
@explained
def rebuild(
    name: Annotated[str, typer.Argument(help="The read model, as `gdpr projection list` names it.")],
    service: Only = None,
    wait: Annotated[bool, typer.Option(help="Return when the new one serves.")] = True,
    limit: Annotated[float, typer.Option(help="Wait so many seconds at most.")] = 600.0,
    as_json: AsJson = False,
) -> None:
    """Build a read model anew beside the living one, which serves until the new one has caught up."""
    with Client.here() as client:
        owners = [one for one in _projections(client, service) if one["name"] == name]
        if not owners:
            raise StackError(
                "unknown-projection", f"There is no read model {name!r}. `gdpr projection list` shows those there are."
            )
        if len(owners) > 1:
            names = ", ".join(str(owner["service"]) for owner in owners)
            raise StackError("ambiguous-projection", f"{names} have a read model {name!r}: say which by --service.")
        owner = str(owners[0]["service"])
        told = client.post(owner, f"/ops/projections/{name}/rebuild")
        if wait:
            _until_rebuilt(client, owner, name, limit)
            _must_have_come_off(client, owner, name)
    content = {"service": owner, "name": name, "finished": wait, "answer": told}
    done = f"{name} of {owner} is rebuilt and serves." if wait else f"{name} of {owner} is being rebuilt."
    answer(content, as_json, lambda: out.print(done))


def _until_rebuilt(client: Client, owner: str, name: str, limit: float) -> None:
    deadline = time.monotonic() + limit
    with err.status(f"Rebuilding {name} ..."):
        while any(_is_rebuilding(one) for one in _projections(client, owner) if one["name"] == name):
            if time.monotonic() > deadline:
                raise StackError(
                    "not-rebuilt-yet",
                    f"{name} is not rebuilt after {limit:.0f} s. It goes on; see `gdpr projection list`.",
                )
            time.sleep(0.1)


def _must_have_come_off(client: Client, owner: str, name: str) -> None:
    for one in _projections(client, owner):
        if one["name"] == name and (why := one.get("rebuild_failed")):
            raise StackError(
                "rebuild-failed", f"{name} of {owner} was not rebuilt: {why}. `gdpr logs {owner}` says more."
            )


def _projections(client: Client, service: str | None) -> list[dict[str, Any]]:
    """What every service says of its read models. A service that does not answer is said, and is not the end."""
    names = PROJECTING if service is None else (_known(service),)
    found: list[dict[str, Any]] = []
    silent: list[StackError] = []
    for name in names:
        try:
            told = client.get(name, "/ops/projections")
        except StackError as error:
            if error.code is not Exit.UNREACHABLE or service is not None:
                raise
            silent.append(error)
            continue
        listed = told.get("projections", []) if isinstance(told, dict) else told
        found += [{"service": name, **one} for one in listed]
    if silent and not found:
        raise silent[0]
    for unreachable in silent:
        err.print(unreachable.message, markup=False)
    return found


def _known(service: str) -> str:
    if service not in PROJECTING:
        raise StackError("unknown-service", f"There is no service {service!r}. There are: {', '.join(PROJECTING)}.")
    return service


def _is_rebuilding(one: dict[str, Any]) -> bool:
    return bool(one.get("rebuilding")) or one.get("state") == "rebuilding"


def _state(one: dict[str, Any]) -> str:
    return "rebuilding" if _is_rebuilding(one) else str(one.get("state", ""))


def _lag(one: dict[str, Any]) -> object:
    if "lag" in one:
        return one["lag"]
    return sum(_behind(part) for part in one.get("partitions", []))


def _behind(part: dict[str, Any]) -> int:
    return int(part.get("lag") or 0)
