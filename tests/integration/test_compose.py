"""docker-compose.yml tells every service what `gdpr up` tells it, and gives it the files that it names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from stack.home import Home
from stack.kafka import KAFKA_VERSION
from stack.secrets import Secrets
from stack.services import DATABASE_ROLES, PASSED_ON, SERVICES, SETTABLE, Installation, Service

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
BY_IMAGE = {"HTTP_HOST", "HTTP_PORT", "PYTHONUNBUFFERED"}
"""What the Dockerfile sets."""
LOCAL_ONLY = {"DATA_DIR", "MAILBOX_URL", "DEMO_CRM_URL"}
"""What only the local stack has, or the demo CRM alone."""
NOT_FOR_ALL = {
    "KEY_ENCRYPTION_KEY_FILE", "TRANSPORT_KEY_FILE", "IDENTITY_KEYS_FILE", "IDENTITY_SIGNING_KEY_FILE", "LOCAL_SIGN_IN",
    "WEBHOOK_SECRET_FILE", "CRM_TOKEN_FILE", "WEBHOOK_URL", "SMTP_HOST", "SMTP_PORT", "SMTP_USERNAME", "SMTP_PASSWORD",
    "SMTP_TLS", "OIDC_ISSUER", "OIDC_CLIENT_ID", "OIDC_CLIENT_SECRET", "FRAME_ANCESTORS",
}  # fmt: skip
"""What `gdpr up` sets for all, and a container gets only where it is used."""
BY_DATABASE = {"PGPASSFILE", "KEY_ENCRYPTION_KEY_FILE"}
"""Files of those who have a database."""
OPTIONAL = {name for name, value in SETTABLE.items() if not value}
"""Empty by default; whoever wants one adds it to the service."""


def parts(service: Service) -> dict[str, Any]:
    described: dict[str, Any] = COMPOSE["services"][service.name]
    return described


@pytest.fixture
def handed_out(tmp_path: Path) -> Secrets:
    """The secrets as `gdpr secrets init --each-service` lays them out."""
    kept = Secrets(tmp_path)
    kept.ensure(DATABASE_ROLES)
    for service in SERVICES:
        kept.hand_out(service.name, service.role)
    return kept


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
def test_a_service_is_started_as_the_local_stack_starts_it(service: Service, tmp_path: Path) -> None:
    described = parts(service)
    assert described["command"] == ["python", "-m", service.module]
    home = Home(tmp_path)
    home.make()
    Secrets(home.secrets).ensure(DATABASE_ROLES)
    installation = Installation(home)
    told = {*installation.environment(service), *SETTABLE} - set(PASSED_ON) - set(installation.mark)
    lacking = told - BY_IMAGE - LOCAL_ONLY - NOT_FOR_ALL - OPTIONAL - set(described["environment"])
    assert not lacking
    if service.database is None:
        assert "DATABASE_URL" not in described["environment"]
    else:
        assert described["environment"]["DATABASE_URL"].endswith(f"://{service.role}@postgres/{service.database}")
        assert described["environment"]["KEYS_DATABASE_URL"].endswith(f"://{service.role}@postgres/keys")


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
def test_a_service_finds_the_secrets_that_it_is_told_of(service: Service, handed_out: Secrets) -> None:
    there = {file.name for file in (handed_out.directory / service.name).iterdir()}
    described = parts(service)
    own = {
        Path(value).name
        for name, value in described["environment"].items()
        if str(value).startswith("/secrets/") and not (service.database is None and name in BY_DATABASE)
    }
    assert own <= there
    assert f"secrets-{service.name}:/secrets:ro" in described["volumes"]


def test_only_what_people_and_the_crm_need_is_published_and_only_to_this_machine() -> None:
    published = {name: port for name, described in COMPOSE["services"].items() for port in described.get("ports", [])}
    assert set(published) == {"console", "subject-access", "crm-gateway", "consent", "demo-crm", "mailbox", "kafka"}
    assert all(port.startswith("127.0.0.1:") for port in published.values())
    ports = {name: int(port.split(":")[1]) for name, port in published.items()}
    for service in SERVICES:
        assert ports.get(service.name, 8400 + service.port) == 8400 + service.port


def test_whoever_publishes_a_port_or_calls_outside_is_in_the_outer_network() -> None:
    for name, described in COMPOSE["services"].items():
        if described.get("ports"):
            assert "edge" in described["networks"], name


def test_the_broker_is_the_one_that_the_tests_run_on() -> None:
    assert COMPOSE["services"]["kafka"]["image"] == f"apache/kafka:{KAFKA_VERSION}"


def test_every_volume_is_declared_and_every_declared_one_is_used() -> None:
    used = {
        volume.split(":")[0] for described in COMPOSE["services"].values() for volume in described.get("volumes", [])
    }
    assert used == set(COMPOSE["volumes"])
