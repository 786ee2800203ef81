"""The file of purposes, kinds and wordings: it comes in once, and a broken one is refused with the place and the reason."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from consent import configuration
from consent.configuration import Unusable
from consent.settings import ConsentSettings
from web.testing import Keys as Signing

from .conftest import ADAM, eventually, running

GOOD = """
purposes:
  news:
    titles: {de: Neues, en: News}
    descriptions: {de: Wir schreiben Ihnen., en: We write to you.}
    legal_basis: consent
    direct_marketing: true
kinds:
  letter:
    purpose: news
    titles: {de: Brief, en: Letter}
    channels: [post]
    wording: {de: "Ja, schreiben Sie mir.", en: "Yes, write to me."}
"""


@pytest.fixture
def file(tmp_path: Path) -> Callable[..., Path]:
    """Write the good file with something in it replaced."""

    def write(old: str = "", new: str = "", name: str = "consents.yaml") -> Path:
        assert old in GOOD
        path = tmp_path / name
        path.write_text(GOOD.replace(old, new, 1) if old else GOOD, encoding="utf-8")
        return path

    return write


def test_the_set_that_comes_with_the_service_is_complete_in_both_languages() -> None:
    ours = configuration.read(None)
    assert {"newsletter", "product-news-phone", "satisfaction-survey", "personal-offers"} == ours.kinds.keys()
    for kind in ours.kinds.values():
        assert {"de", "en"} <= kind.titles.keys() & kind.wording.keys()
    for purpose in ours.purposes.values():
        assert {"de", "en"} <= purpose.titles.keys() & purpose.descriptions.keys()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("legal_basis: consent", "legal_basis: hope", ("purposes.news.legal_basis", "legitimate_interests")),
        ("purpose: news", "purpose: olds", ("kinds.letter", "no purpose 'olds'")),
        (', en: "Yes, write to me."', "", ("kinds.letter.wording", "title in en")),
        ('en: "Yes, write to me."', 'en: "  "', ("kinds.letter.wording.en", "at least 1 character")),
        ("channels: [post]", "channels: []", ("kinds.letter", "which channels")),
        ("channels: [post]", "channels: [pigeon]", ("kinds.letter.channels.0", "telephone")),
        ("channels: [post]", "chanels: [post]", ("kinds.letter.chanels", "Extra inputs", "kinds.letter.channels", "required")),
        ("descriptions: {de: Wir schreiben Ihnen., en: We write to you.}", "descriptions: {}", ("purposes.news", "de, en")),
        ("titles: {de: Brief, en: Letter}", "titles: {}", ("kinds.letter", "at least one language")),
        ("titles: {de: Brief", "titles: {deutsch: Brief", ("kinds.letter.titles.deutsch", "pattern")),
        ("  letter:", "  A Letter:", ("kinds.A Letter", "pattern")),
        ("kinds:", "  news: {}\nkinds:", ("'news' stands here twice", "line 8")),
        ("purposes:", "purposes", ("is not YAML", "line")),
    ],
)  # fmt: skip
def test_a_broken_file_is_refused_with_the_place_and_the_reason(
    file: Callable[..., Path], old: str, new: str, said: tuple[str, ...]
) -> None:
    path = file(old, new)
    with pytest.raises(Unusable) as unusable:
        configuration.read(path)
    for part in (str(path), "CONSENT_CONFIGURATION", *said):
        assert part in str(unusable.value)


def test_a_file_that_is_none_is_refused_too(tmp_path: Path) -> None:
    with pytest.raises(Unusable, match="cannot be read"):
        configuration.read(tmp_path / "nothing.yaml")
    (tmp_path / "empty.yaml").touch()
    with pytest.raises(Unusable, match="the whole file"):
        configuration.read(tmp_path / "empty.yaml")
    (tmp_path / "latin.yaml").write_bytes("purposes: für".encode("latin-1"))
    with pytest.raises(Unusable, match="UTF-8"):
        configuration.read(tmp_path / "latin.yaml")
    (tmp_path / "code.yaml").write_text("!!python/object/apply:os.getcwd []")
    with pytest.raises(Unusable, match="not YAML"):
        configuration.read(tmp_path / "code.yaml")


async def test_the_file_comes_in_once_and_a_changed_wording_is_the_next_version(
    installation: Callable[..., ConsentSettings], file: Callable[..., Path], signing: Signing
) -> None:
    settings = installation(consent_configuration=file())
    async with running(settings, signing) as first:
        _, kinds = await first.ask(ADAM, "GET", "/v1/kinds")
        assert [(kind["kind"], len(kind["wordings"])) for kind in kinds] == [("letter", 1)]
        change = {"purpose": "news", "titles": {"de": "Post"}, "channels": ["post"]}
        assert (await first.ask(ADAM, "PUT", "/v1/kinds/letter", change))[0] == 200

    file("write to me.", "do write to me.")  # in the same place
    async with running(settings, signing) as second:

        async def newest() -> object:
            _, kinds = await second.ask(ADAM, "GET", "/v1/kinds")
            (kind,) = kinds
            # What the administrator changed stays: the file says of the title what it said before.
            assert kind["titles"] == {"de": "Post"}
            return len(kind["wordings"]) == 2 and kind

        kind = await eventually(newest)
        assert [wording["texts"]["en"] for wording in kind["wordings"]] == ["Yes, write to me.", "Yes, do write to me."]
