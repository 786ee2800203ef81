"""What every service is told from outside: environment variables of these names, in capitals."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """The settings that all services share. A service adds its own in a subclass."""

    model_config = SettingsConfigDict(extra="ignore")

    database_url: str
    """The service's own database."""
    keys_database_url: str
    """The key database, shared by all services, each with the rights of its own role."""
    key_encryption_key_file: Path
    """Lines ``epoch:base64`` of 32 bytes each; new keys are wrapped under the highest epoch."""
    kafka_bootstrap_servers: str = "127.0.0.1:9092"
    kafka_idempotence: bool = True
    """Whether the broker can number a producer's records; the embedded one cannot."""
    replication_factor: int = 1
    topic_prefix: str = Field(default="", pattern=r"^[A-Za-z0-9._-]*$")
    """In front of every topic's name, where installations share a cluster."""
    fetch_max_wait_ms: int = Field(default=500, ge=1, le=5000)
    """How long the broker may hold a fetch open. The embedded broker answers late: there 50."""
    batch_records: int = Field(default=5000, ge=1)
    """The most records that a projection takes into one transaction."""
    lease_seconds: float = 6.0
    """How long a partition stays with a process that is not heard of."""
    key_cache_seconds: float = 300.0
    """The longest that a destroyed key could live in a process that the news did not reach."""
    http_host: str = "127.0.0.1"
    http_port: int
    identity_keys_file: Path
    """The public keys (JWKS) of whoever may vouch for staff and machines."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["json", "console"] = "json"
    time_zone: str = "Europe/Berlin"
    pool_size: int = Field(default=10, ge=2)
