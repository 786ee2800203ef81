"""Apache Kafka as we start it: made once, mended after a kill, findable on other ports."""

import asyncio
import time

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from stack import kafka
from stack.broker import broker_waits_for, start_broker
from stack.trouble import StackError

pytestmark = pytest.mark.slow


async def until_serving(bootstrap):
    deadline = time.monotonic() + 30
    while (waiting := await broker_waits_for(bootstrap)) is not None:
        assert time.monotonic() < deadline, waiting
        await asyncio.sleep(0.1)


async def written(bootstrap, topic, value):
    async with AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", enable_idempotence=True) as producer:
        await asyncio.wait_for(producer.send_and_wait(topic, value), 30)


async def test_what_was_acknowledged_survives_a_kill_also_on_other_ports(scratch, caplog):
    caplog.set_level("CRITICAL", "aiokafka")
    if kafka.is_possible() is not None:
        with pytest.raises(StackError):
            kafka.start_kafka(scratch / "own-kafka")
        return
    first = kafka.start_kafka(scratch / "own-kafka")
    await until_serving(first.bootstrap)
    admin = AIOKafkaAdminClient(bootstrap_servers=first.bootstrap)
    await admin.start()
    await admin.create_topics([NewTopic("kept", 1, 1)])
    await admin.close()
    await written(first.bootstrap, "kept", b"one")
    first.kill()

    second = kafka.start_kafka(scratch / "own-kafka")
    assert second.bootstrap != first.bootstrap
    await until_serving(second.bootstrap)
    await written(second.bootstrap, "kept", b"two")
    async with AIOKafkaConsumer("kept", bootstrap_servers=second.bootstrap, auto_offset_reset="earliest") as consumer:
        records = [await asyncio.wait_for(consumer.getone(), 10) for _ in range(2)]
    assert [record.value for record in records] == [b"one", b"two"]
    second.stop()


def test_a_storage_that_was_half_made_is_made_again(scratch, monkeypatch):
    node = kafka.Node(scratch / "half", 1, 2)
    (node.directory / "storage").mkdir(parents=True)
    (node.directory / "storage" / "half").write_text("")
    (node.directory / "storage.building").mkdir()
    formatted = []

    def formats(self, storage):
        formatted.append(storage)
        storage.mkdir()
        (storage / "meta.properties").write_text("")

    monkeypatch.setattr(kafka.Node, "_format", formats)
    node.prepare()
    node.prepare()
    assert formatted == [node.directory / "storage"]
    assert not (node.directory / "storage" / "half").exists()
    assert "listeners=PLAINTEXT://127.0.0.1:1," in (node.directory / "server.properties").read_text()


def test_without_java_the_reader_is_told_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    with pytest.raises(StackError, match="Java 17 or newer") as refused:
        kafka.java()
    assert refused.value.slug == "no-java"
    assert "--kafka" in kafka.is_possible()


def test_an_old_java_does_not_count(monkeypatch, tmp_path):
    old = tmp_path / "java"
    old.write_text("#!/bin/sh\necho 'openjdk version \"1.8.0_392\"' >&2\n")
    old.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin")
    monkeypatch.delenv("JAVA_HOME", raising=False)
    with pytest.raises(StackError, match="older"):
        kafka.java()


def test_without_maven_the_reader_is_told_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(StackError) as refused:
        kafka.jars()
    assert refused.value.slug == "no-maven"


async def test_the_embedded_broker_forgets_everything(caplog):
    caplog.set_level("CRITICAL", "aiokafka")
    broker = start_broker()
    assert await broker_waits_for(broker.bootstrap) is None
    broker.kill()
    assert await broker_waits_for(broker.bootstrap) is not None
