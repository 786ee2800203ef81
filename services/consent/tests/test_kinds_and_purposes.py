"""What can be asked for, as sentences: purposes, kinds, and wordings that stay as they were."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from consent.deciders.kinds import KINDS, DefineKind, PublishWording, RetireKind
from consent.deciders.purposes import PURPOSES, DefinePurpose
from events.catalogue.consents import KindDefined, KindRetired, PurposeDefined, WordingPublished
from events.catalogue.vocabulary import Actor
from events.testing import Specs

kind_given = Specs(KINDS).given
purpose_given = Specs(PURPOSES).given

AT = datetime(2026, 5, 4, tzinfo=UTC)
ADAM = Actor(kind="staff", id="adam")
SAID: dict[str, Any] = {"at": AT, "by": ADAM}
TERMS: dict[str, Any] = {"purpose": "news", "titles": {"de": "Neues", "en": "News"}, "channels": ("email",)}
TEXTS = {"de": "Ja.", "en": "Yes."}


def define(**more: Any) -> DefineKind:
    return DefineKind(kind="news", **{**SAID, **TERMS, "purpose_known": True, **more})


def defined(**more: Any) -> KindDefined:
    return KindDefined(kind="news", **{**SAID, **TERMS, **more})


def publish(**texts: str) -> PublishWording:
    return PublishWording(kind="news", texts=texts or TEXTS, **SAID)


def published(version: int = 1, **texts: str) -> WordingPublished:
    return WordingPublished(kind="news", version=version, texts=texts or TEXTS, **SAID)


RETIRE = RetireKind(kind="news", **SAID)
RETIRED = KindRetired(kind="news", **SAID)


def test_a_kind_is_defined_and_its_terms_change() -> None:
    kind_given().when(define()).then(defined())
    kind_given(defined()).when(define()).then()
    kind_given(defined()).when(define(validity_days=30)).then(defined(validity_days=30))


@pytest.mark.parametrize(
    ("change", "slug"),
    [
        ({"purpose_known": False}, "unknown-purpose"),
        ({"titles": {}}, "language-missing"),
        ({"channels": ()}, "channel-missing"),
    ],
)
def test_a_kind_says_what_for_in_words_and_by_which_way(change: dict[str, Any], slug: str) -> None:
    kind_given().when(define(**change)).refused(slug)


def test_another_text_is_another_version() -> None:
    kind_given(defined()).when(publish()).then(published(1))
    kind_given(defined(), published(1)).when(publish()).then()
    kind_given(defined(), published(1)).when(publish(de="Ja!", en="Yes!")).then(published(2, de="Ja!", en="Yes!"))


def test_going_back_to_an_earlier_text_is_a_new_version_too() -> None:
    history = (defined(), published(1), published(2, de="Ja!", en="Yes!"))
    kind_given(*history).when(publish()).then(published(3))


def test_a_wording_is_there_in_every_language_of_the_kind() -> None:
    kind_given(defined()).when(publish(de="Ja.")).refused("language-missing")
    kind_given().when(publish()).refused("unknown-kind")


def test_a_retired_kind_is_retired_for_good() -> None:
    kind_given(defined()).when(RETIRE).then(RETIRED)
    kind_given(defined(), RETIRED).when(RETIRE).then()
    kind_given().when(RETIRE).refused("unknown-kind")
    kind_given(defined(), RETIRED).when(define(validity_days=30)).refused("kind-retired")
    kind_given(defined(), RETIRED).when(publish()).refused("kind-retired")


def purpose(**more: Any) -> DefinePurpose:
    said: dict[str, Any] = {"titles": TERMS["titles"], "descriptions": TEXTS, "legal_basis": "consent"}
    return DefinePurpose(purpose="news", **SAID, **said | more)


def purpose_defined(**more: Any) -> PurposeDefined:
    said: dict[str, Any] = {"titles": TERMS["titles"], "descriptions": TEXTS, "legal_basis": "consent"}
    return PurposeDefined(purpose="news", **SAID, **said | more)


def test_a_purpose_is_defined_and_defined_anew() -> None:
    purpose_given().when(purpose()).then(purpose_defined())
    purpose_given(purpose_defined()).when(purpose()).then()
    purpose_given(purpose_defined()).when(purpose(direct_marketing=True)).then(purpose_defined(direct_marketing=True))


@pytest.mark.parametrize(
    "change", [{"titles": {}, "descriptions": {}}, {"titles": {"de": "Neues"}}, {"descriptions": {}}]
)
def test_a_purpose_is_described_in_each_language_of_its_title(change: dict[str, Any]) -> None:
    purpose_given().when(purpose(**change)).refused("language-missing")
