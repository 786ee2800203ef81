"""Settings of a new installation for each call, on real servers."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

from erasure.settings import Settings
from web.testing import Keys


@pytest.fixture
def settings_of(
    database: Callable[[], str], key_database: Callable[[], str], tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., Settings]:
    """Make the settings of a new installation."""

    def make(bootstrap: str = "127.0.0.1:1", **more: Any) -> Settings:
        secrets = tmp_path_factory.mktemp("secrets")
        (secrets / "kek").write_text(f"1:{base64.b64encode(os.urandom(32)).decode()}\n")
        (secrets / "jwks").write_text(json.dumps(Keys().public))
        return Settings(
            database_url=database(),
            keys_database_url=key_database(),
            key_encryption_key_file=secrets / "kek",
            identity_keys_file=secrets / "jwks",
            kafka_bootstrap_servers=bootstrap,
            topic_prefix=f"t{uuid4().hex[:8]}.",
            fetch_max_wait_ms=50,
            lease_seconds=1.5,
            http_port=1,
            **more,
        )

    return make
