"""Whatever colours a company sets, what is written in them and on them can be read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from web.colour import contrast, legible, parse, text_on, written
from web.pages import Look
from web.theme import NIGHT_PAPER, NIGHT_SURFACE, PAPER, SURFACE, least_contrast, palettes, stylesheet

COLOURS = st.integers(0, 0xFFFFFF).map(lambda number: f"#{number:06x}")


def test_contrast_is_what_wcag_says() -> None:
    assert contrast(parse("#000"), parse("#fff")) == pytest.approx(21)
    assert contrast(parse("#777777"), parse("#ffffff")) == pytest.approx(4.48, abs=0.01)


@given(COLOURS)
def test_a_colour_is_read_as_it_is_written(colour: str) -> None:
    assert written(parse(colour)) == colour


@given(COLOURS, COLOURS)
def test_any_accent_is_legible_by_day_and_by_night(accent: str, second: str) -> None:
    day, night = palettes(accent, second)
    assert least_contrast(day, PAPER, SURFACE) >= 4.5
    assert least_contrast(night, NIGHT_PAPER, NIGHT_SURFACE) >= 4.5
    for palette, grounds in ((day, (PAPER, SURFACE)), (night, (NIGHT_PAPER, NIGHT_SURFACE))):
        assert contrast(palette["on-accent"], palette["accent-strong"]) >= 4.5
        assert all(contrast(palette["accent"], ground) >= 3 for ground in grounds)


@given(COLOURS)
def test_text_on_any_ground_is_legible(ground: str) -> None:
    assert contrast(text_on(parse(ground)), parse(ground)) >= 4.5


def test_a_colour_that_is_legible_stays_as_it_is() -> None:
    assert legible(parse("#14595f"), SURFACE) == parse("#14595f")


@pytest.mark.parametrize("colour", ["red", "#12", "#12345g", "#ffff", "}body{", ""])
def test_what_is_no_colour_is_refused(colour: str) -> None:
    with pytest.raises(ValueError, match="accent"):
        Look(accent=colour)


def test_a_logo_is_served_by_ourselves() -> None:
    assert Look(logo_url="/static/logo.svg").logo_url == "/static/logo.svg"
    for address in (
        "https://elsewhere.example/logo.svg",
        "//elsewhere.example/logo.svg",
        "javascript:alert(1)",
        "/\\x",
    ):
        with pytest.raises(ValueError, match="logo_url"):
            Look(logo_url=address)


def test_the_stylesheet_has_the_colours_in_it() -> None:
    assert "--accent:#14595f;" in stylesheet("a{} /* theme */", "#14595f", "#d9813b")
    with pytest.raises(ValueError, match="no place"):
        stylesheet("a{}", "#14595f", "#d9813b")
