"""The documents say what the catalogue says."""

from __future__ import annotations

from pathlib import Path

import pytest

from events.documents import documents

DOCS = Path(__file__).parents[3] / "docs"


@pytest.mark.parametrize("name", sorted(documents()))
def test_the_documents_are_fresh(name: str) -> None:
    assert (DOCS / name).read_text(encoding="utf-8") == documents()[name], (
        "stale: run `python -m events.documents docs`"
    )
