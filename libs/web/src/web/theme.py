"""The stylesheet in the company's colours: every pair of text and ground that it makes is legible, by day and by night."""

from __future__ import annotations

from web.colour import BLACK, WHITE, Rgb, contrast, legible, mixed, parse, text_on, written

PLACE = "/* theme */"

PAPER, SURFACE, INK = parse("#f3f4f1"), parse("#ffffff"), parse("#17212b")
NIGHT_PAPER, NIGHT_SURFACE, NIGHT_INK = parse("#0f1518"), parse("#182126"), parse("#e8eeee")


def _ground(accent: Rgb, paper: Rgb, surface: Rgb) -> Rgb:
    """Give the accent as the ground of buttons: seen against the page (WCAG 1.4.11), with text that is read on it."""
    return legible(accent, paper, surface, enough=3.0)


def _day(accent: Rgb, second: Rgb) -> dict[str, Rgb]:
    ground = _ground(accent, PAPER, SURFACE)
    soft = mixed(accent, WHITE, 0.9)
    return {
        "accent": ground,
        "on-accent": text_on(ground, INK),
        "accent-strong": mixed(ground, BLACK if text_on(ground, INK) == WHITE else WHITE, 0.18),
        "accent-text": legible(accent, PAPER, SURFACE, soft),
        "accent-soft": soft,
        "second": second,
    }


def _night(accent: Rgb, second: Rgb) -> dict[str, Rgb]:
    ground = legible(accent, NIGHT_PAPER, NIGHT_SURFACE, enough=4.5)
    soft = mixed(NIGHT_SURFACE, ground, 0.14)
    return {
        "accent": ground,
        "on-accent": text_on(ground, parse("#0b1114")),
        "accent-strong": mixed(ground, WHITE, 0.18),
        "accent-text": legible(ground, NIGHT_PAPER, NIGHT_SURFACE, soft),
        "accent-soft": soft,
        "second": legible(second, NIGHT_PAPER, enough=3.0),
    }


def palettes(accent: str, second: str) -> tuple[dict[str, Rgb], dict[str, Rgb]]:
    """Give the company's colours as the stylesheet names them, by day and by night."""
    return _day(parse(accent), parse(second)), _night(parse(accent), parse(second))


def stylesheet(css: str, accent: str, second: str) -> str:
    """Give the stylesheet with the company's colours in it."""
    day, night = palettes(accent, second)

    def tokens(palette: dict[str, Rgb]) -> str:
        return "".join(f"--{name}:{written(colour)};" for name, colour in palette.items())

    theme = (
        f":root{{{tokens(day)}}}"
        f"@media (prefers-color-scheme:dark){{:root{{{tokens(night)}}}}}"
        f"@media print{{:root{{{tokens(day)}}}}}"
    )
    if PLACE not in css:
        raise ValueError("the stylesheet has no place for the theme")
    return css.replace(PLACE, theme)


def least_contrast(palette: dict[str, Rgb], paper: Rgb, surface: Rgb) -> float:
    """Give the weakest contrast of any text that a palette makes."""
    return min(
        contrast(palette["on-accent"], palette["accent"]),
        contrast(palette["accent-text"], paper),
        contrast(palette["accent-text"], surface),
        contrast(palette["accent-text"], palette["accent-soft"]),
    )
