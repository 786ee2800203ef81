"""docs/operating.md names every setting and every metric that there is, and no other."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydantic_settings import BaseSettings

from audit.settings import AuditSettings
from consent.settings import ConsentSettings
from console.settings import Settings as ConsoleSettings
from crm_gateway.settings import Settings as GatewaySettings
from events.runtime.settings import Settings
from notifier.settings import NotifierSettings
from subject_access.settings import SubjectAccessSettings

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")
SECTIONS: dict[str, type[BaseSettings]] = {
    "All services but the console": Settings,
    "crm-gateway": GatewaySettings,
    "consent": ConsentSettings,
    "subject-access": SubjectAccessSettings,
    "notifier": NotifierSettings,
    "audit": AuditSettings,
    "console": ConsoleSettings,
}
METRIC = re.compile(r'(Counter|Gauge|Histogram)\(\s*"(gdpr_\w+)"')


def rows(section: str) -> list[tuple[list[str], str]]:
    """Give the variables of each row, with the default that it names."""
    body = re.split(r"^##+ ", TEXT.partition(f"### {section}\n")[2], maxsplit=1, flags=re.MULTILINE)[0]
    cells = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in body.splitlines() if line.startswith("| `")
    ]
    return [(re.findall(r"`([A-Z_]+)`", row[0]), row[1]) for row in cells]


@pytest.mark.parametrize("section", SECTIONS)
def test_every_setting_is_described(section: str) -> None:
    kind = SECTIONS[section]
    own = set(kind.model_fields)
    if kind is not Settings and issubclass(kind, Settings):
        own -= set(Settings.model_fields)
    described = [name.lower() for names, _ in rows(section) for name in names]
    assert sorted(described) == sorted(own)


@pytest.mark.parametrize("section", SECTIONS)
def test_every_default_is_the_one_of_the_code(section: str) -> None:
    for names, told in rows(section):
        field = SECTIONS[section].model_fields[names[0].lower()]
        if len(names) > 1 or told == "as above":
            continue
        if field.is_required():
            assert told.startswith("required"), names
        elif field.default in ("", None):
            assert told in ("empty", "none"), names
        else:
            value = field.default
            plain = (
                str(value).lower()
                if isinstance(value, bool)
                else f"{value:g}"
                if isinstance(value, float)
                else str(value)
            )
            assert told == plain, names


def test_every_metric_is_described() -> None:
    there = {"gdpr_http_request_seconds"}
    for source in [*ROOT.glob("libs/*/src/**/*.py"), *ROOT.glob("services/*/src/**/*.py")]:
        for kind, name in METRIC.findall(source.read_text(encoding="utf-8")):
            there.add(name if kind != "Counter" or name.endswith("_total") else f"{name}_total")
    described = set(re.findall(r"`(gdpr_[a-z_]+)`", TEXT))
    assert described == there
