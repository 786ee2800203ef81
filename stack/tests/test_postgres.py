"""A database server that mends itself, and rights that hold."""

import os
import signal
import time

import asyncpg
import pytest

from stack.databases import Database, ensure_databases, run_sql
from stack.postgres import Cluster, start_postgres
from stack.trouble import StackError

SERVICES = [Database(name, name) for name in ("consent", "erasure")]
PASSWORDS = {"consent": "c'@/ ö", "erasure": "e", "keys": "k"}


@pytest.fixture
def directory(scratch, request):
    return scratch / request.node.name


async def test_what_was_committed_survives_a_kill_and_the_stale_lock_mends_itself(directory):
    first = start_postgres(directory)
    await run_sql(first.url, "CREATE TABLE kept (n int); INSERT INTO kept VALUES (1)")
    first.kill()
    assert (directory / "postmaster.pid").exists()
    second = start_postgres(directory)
    try:
        connection = await asyncpg.connect(second.url)
        assert await connection.fetchval("SELECT n FROM kept") == 1
        await connection.close()
    finally:
        second.stop()


def test_a_lock_whose_number_is_now_another_program_s_is_no_hindrance(directory):
    start_postgres(directory, durable=False).stop()
    (directory / "postmaster.pid").write_text(f"{os.getpid()}\n{directory}\n1\n1\n\n127.0.0.1\n\nready\n")
    second = start_postgres(directory, durable=False)
    assert second.process.poll() is None
    second.stop()


def test_a_server_that_nobody_watches_any_more_is_ended_before_a_new_one_starts(directory):
    lost = start_postgres(directory, durable=False)
    second = start_postgres(directory, durable=False)
    assert lost.process.wait(10) == 0
    second.stop()


def test_a_first_start_that_was_interrupted_is_done_again(directory):
    building = directory.with_name(directory.name + ".building")
    building.mkdir()
    (building / "PG_VERSION").write_text("18\n")
    running = start_postgres(directory, durable=False)
    running.stop()
    assert not building.exists()


def test_a_directory_with_something_else_in_it_is_left_alone(directory):
    directory.mkdir()
    (directory / "holiday.jpg").write_text("mine")
    with pytest.raises(StackError) as refused:
        start_postgres(directory)
    assert refused.value.slug == "not-a-database"
    assert (directory / "holiday.jpg").exists()


def test_a_stop_lets_nobody_wait(directory):
    running = start_postgres(directory, durable=False)
    started = time.monotonic()
    running.process.send_signal(signal.SIGINT)
    running.process.wait(10)
    assert time.monotonic() - started < 5


@pytest.fixture(scope="module")
async def cluster(scratch):
    running = start_postgres(scratch / "rights", durable=False)
    for _ in range(2):  # harmless to repeat
        await ensure_databases(running.url, SERVICES, PASSWORDS)
    yield running.cluster
    running.kill()


def as_role(cluster: Cluster, role: str, database: str) -> str:
    return cluster.url(database, role, PASSWORDS[role])


async def test_a_service_owns_its_database_and_sees_no_other(cluster):
    await run_sql(as_role(cluster, "consent", "consent"), "CREATE TABLE mine (n int)")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await run_sql(as_role(cluster, "consent", "erasure"), "SELECT 1")


async def test_a_role_needs_its_password(cluster):
    with pytest.raises(asyncpg.InvalidPasswordError):
        await run_sql(cluster.url("consent", "consent", "wrong"), "SELECT 1")


async def test_only_erasure_destroys_keys_and_raises_fences(cluster):
    person = "'7b1c3d64-1d24-4f6b-9d5e-1f6a5d0c9a11'::uuid"
    make = f"SELECT make_keys(ARRAY[{person}], 1, ARRAY['\\x00'::bytea])"
    destroy = f"SELECT destroy_keys(ARRAY[{person}], ARRAY[{person}])"
    await run_sql(as_role(cluster, "consent", "keys"), make)
    for forbidden in (destroy, "DELETE FROM subject_keys", "UPDATE subject_keys SET epoch = 2", "DELETE FROM fences",
                      f"INSERT INTO fences (subject, event) VALUES ({person}, {person})"):  # fmt: skip
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await run_sql(as_role(cluster, "consent", "keys"), forbidden)
    await run_sql(as_role(cluster, "erasure", "keys"), destroy)
    connection = await asyncpg.connect(as_role(cluster, "consent", "keys"))
    assert await connection.fetchval("SELECT count(*) FROM subject_keys") == 0
    assert await connection.fetchval("SELECT count(*) FROM fences") == 1
    await connection.close()
