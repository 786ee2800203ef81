"""The services of the stack as a table: name, module, port, database, what it is. And what each is told by environment."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from stack.databases import KEYS_DATABASE, KEYS_ROLE, Database
from stack.home import Home
from stack.ports import LOOPBACK
from stack.postgres import Cluster
from stack.processes import MARK
from stack.secrets import Secrets

BrokerKind = Literal["embedded", "kafka"]

PORT_BASE = 8400
MAILBOX, SMTP, POSTGRES, KAFKA, KAFKA_CONTROLLER = 11, 25, 32, 92, 93
"""Distances from the port base."""


@dataclass(frozen=True, slots=True)
class Service:
    """One program of ours: where it is, and what a person finds there."""

    name: str
    module: str
    port: int
    """Distance from the port base."""
    what: str
    url_variable: str
    database: str | None = None
    sign_in: str = ""
    after: tuple[str, ...] = ("postgres", "broker")

    @property
    def role(self) -> str | None:
        return self.database

    @property
    def is_there(self) -> bool:
        """Whether it can be started: a module with a `__main__`."""
        try:
            return importlib.util.find_spec(f"{self.module}.__main__") is not None
        except ModuleNotFoundError:
            return False


SERVICES: tuple[Service, ...] = (
    Service(
        "console", "console", 0, "The staff's desk: search, Actionpad, administration", "CONSOLE_URL",
        sign_in="anna, dora, adam, axel (passwords below)",
    ),
    Service(
        "subject-access", "subject_access", 1, "The customer's portal", "SUBJECT_ACCESS_URL",
        database="subject_access", sign_in="by the link in the mail",
    ),
    Service("crm-gateway", "crm_gateway", 2, "The CRM's door", "CRM_GATEWAY_URL", database="crm_gateway", sign_in="token"),
    Service("consent", "consent", 3, "Consents, and the check before a mail", "CONSENT_URL", database="consent", sign_in="token"),
    Service("audit", "audit", 4, "History and replay of the log", "AUDIT_URL", database="audit", sign_in="token"),
    Service(
        "notifier", "notifier", 5, "Mails to customers", "NOTIFIER_URL",
        database="notifier", sign_in="token", after=("postgres", "broker", "mailbox"),
    ),
    Service("export", "export", 6, "Copies of the data", "EXPORT_URL", database="export", sign_in="token"),
    Service("erasure", "erasure", 7, "Erasures", "ERASURE_URL", database="erasure", sign_in="token"),
    Service(
        "demo-crm", "demo_crm", 10, "A CRM with made-up customers", "DEMO_CRM_URL",
        sign_in="open", after=("crm-gateway", "consent"),
    ),
)  # fmt: skip

BY_NAME: Mapping[str, Service] = {service.name: service for service in SERVICES}
DATABASES: tuple[Database, ...] = tuple(
    Database(service.database, service.role) for service in SERVICES if service.database and service.role
)
DATABASE_ROLES: tuple[str, ...] = ("postgres", KEYS_ROLE, *(database.role for database in DATABASES))

PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "TZ", "SSL_CERT_FILE", "SSL_CERT_DIR")
"""What a child gets of our own environment, besides the settings below."""

SETTABLE: Mapping[str, str] = {
    "LOG_LEVEL": "info",
    "LOG_FORMAT": "json",
    "TIME_ZONE": "Europe/Berlin",
    "COMPANY_NAME": "Nordlicht Handel GmbH",
    "ACCENT_COLOUR": "",
    "SECOND_COLOUR": "",
    "LOGO_URL": "",
    "CONTACT_MAIL": "",
    "CONSENT_CONFIGURATION": "",
    "FRAME_ANCESTORS": "",
    "LINK_HOURS": "",
    "OIDC_ISSUER": "",
    "OIDC_CLIENT_ID": "",
    "OIDC_CLIENT_SECRET": "",
    "OIDC_SCOPES": "",
    "OIDC_ACCOUNT_CLAIM": "",
    "OIDC_ROLES_CLAIM": "",
    "OIDC_ROLES": "",
    "OTHER_SITES_FRAMES": "",
    "PROXIES": "",
    "SMTP_HOST": LOOPBACK,
    "SMTP_USERNAME": "",
    "SMTP_PASSWORD": "",
    "SMTP_TLS": "none",
    "MAIL_FROM": "Nordlicht Handel GmbH <datenschutz@nordlicht.example>",
    "MAIL_LEASE_SECONDS": "",
}
"""What whoever starts the stack may set, and what it is otherwise (empty: the service's own default)."""


@dataclass(frozen=True, slots=True)
class Installation:
    """One data directory with its ports and its kind of broker."""

    home: Home
    port_base: int = PORT_BASE
    broker: BrokerKind = "embedded"
    only: tuple[str, ...] = ()
    """Start just these services; all if empty."""

    @property
    def services(self) -> tuple[Service, ...]:
        """The services to start."""
        wanted = self.only or tuple(BY_NAME)
        return tuple(service for service in SERVICES if service.is_there and service.name in wanted)

    @property
    def secrets(self) -> Secrets:
        return Secrets(self.home.secrets)

    def port(self, distance: int) -> int:
        return self.port_base + distance

    def url(self, service: Service | int) -> str:
        distance = service if isinstance(service, int) else service.port
        return f"http://{LOOPBACK}:{self.port(distance)}"

    @property
    def bootstrap(self) -> str:
        return f"{LOOPBACK}:{self.port(KAFKA)}"

    @property
    def ports(self) -> dict[int, str]:
        """Every port that the stack listens on, and for what."""
        ours = {self.port(service.port): service.name for service in self.services}
        ours |= {
            self.port(MAILBOX): "mailbox page",
            self.port(SMTP): "mail server",
            self.port(POSTGRES): "PostgreSQL",
            self.port(KAFKA): "broker",
        }
        if self.broker == "kafka":
            ours[self.port(KAFKA_CONTROLLER)] = "Kafka's controller"
        return ours

    @property
    def cluster(self) -> Cluster:
        password = self.secrets.database_passwords()["postgres"]
        return Cluster(self.home.directory / "postgres", self.port(POSTGRES), password)

    def database_url(self, database: str, role: str) -> str:
        return self.cluster.url(database, role, self.secrets.database_passwords()[role])

    @property
    def mark(self) -> dict[str, str]:
        return {MARK: str(self.home.directory)}

    def environment(self, service: Service) -> dict[str, str]:
        """Everything that a service is told."""
        passed = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
        return {
            **passed,
            **dict(_settings()),
            **self.mark,
            "PYTHONUNBUFFERED": "1",
            "HTTP_HOST": LOOPBACK,
            "HTTP_PORT": str(self.port(service.port)),
            **self._broker_environment(),
            **self._database_environment(service),
            **self._secret_files(),
            **{other.url_variable: self.url(other) for other in SERVICES},
            "PORTAL_URL": self.url(BY_NAME["subject-access"]),
            "MAILBOX_URL": self.url(MAILBOX),
            "WEBHOOK_URL": os.environ.get("WEBHOOK_URL", self.url(BY_NAME["demo-crm"]) + "/webhooks/gdpr"),
            "DATA_DIR": str(self._directory_of(service)),
        }

    def _broker_environment(self) -> dict[str, str]:
        apache = self.broker == "kafka"
        return {
            "KAFKA_BOOTSTRAP_SERVERS": self.bootstrap,
            "KAFKA_IDEMPOTENCE": "true" if apache else "false",
            "FETCH_MAX_WAIT_MS": "500" if apache else "50",
            "SMTP_PORT": os.environ.get("SMTP_PORT", str(self.port(SMTP))),
        }

    def _database_environment(self, service: Service) -> dict[str, str]:
        if service.database is None or service.role is None:
            return {}
        return {
            "DATABASE_URL": self.database_url(service.database, service.role),
            "KEYS_DATABASE_URL": self.database_url(KEYS_DATABASE, service.role),
        }

    def _secret_files(self) -> dict[str, str]:
        secrets = self.secrets
        return {
            "KEY_ENCRYPTION_KEY_FILE": str(secrets.key_encryption_key),
            "TRANSPORT_KEY_FILE": str(secrets.transport_key),
            "IDENTITY_KEYS_FILE": str(secrets.identity_keys),
            "IDENTITY_SIGNING_KEY_FILE": str(secrets.identity_key),
            "LOCAL_SIGN_IN": str(secrets.sign_in),
            "WEBHOOK_SECRET_FILE": str(secrets.webhook_secret),
            "CRM_TOKEN_FILE": str(secrets.crm_token),
        }

    def _directory_of(self, service: Service) -> Path:
        return self.home.directory / service.name


def _settings() -> Iterator[tuple[str, str]]:
    for name, otherwise in SETTABLE.items():
        value = os.environ.get(name, otherwise)
        if value:
            yield name, value
