"""The company's two colours made legible: whatever is configured, text on it and in it keeps a contrast of 4.5 (WCAG 1.4.3)."""

from __future__ import annotations

import colorsys
import re
from typing import TypeAlias

Rgb: TypeAlias = tuple[int, int, int]

ENOUGH = 4.5
WHITE: Rgb = (255, 255, 255)
BLACK: Rgb = (0, 0, 0)


def parse(colour: str) -> Rgb:
    """Read ``#rgb`` or ``#rrggbb``."""
    if not re.fullmatch(r"#(?:[0-9a-fA-F]{3}){1,2}", colour):
        raise ValueError(f"{colour!r} is no colour: write it as #rrggbb")
    digits = colour[1:] if len(colour) == 7 else "".join(digit * 2 for digit in colour[1:])
    return int(digits[:2], 16), int(digits[2:4], 16), int(digits[4:], 16)


def written(colour: Rgb) -> str:
    """Write a colour as ``#rrggbb``."""
    return "#{:02x}{:02x}{:02x}".format(*colour)


def luminance(colour: Rgb) -> float:
    """Give the relative luminance as WCAG 2.2 defines it."""
    red, green, blue = (
        part / 255 / 12.92 if part / 255 <= 0.04045 else ((part / 255 + 0.055) / 1.055) ** 2.4 for part in colour
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: Rgb, other: Rgb) -> float:
    """Give the contrast ratio of two colours, 1 to 21."""
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def mixed(colour: Rgb, other: Rgb, part: float) -> Rgb:
    """Give the colour with a part (0 to 1) of another in it."""
    red, green, blue = (round(a + (b - a) * part) for a, b in zip(colour, other, strict=True))
    return red, green, blue


def text_on(background: Rgb, ink: Rgb = (16, 24, 32)) -> Rgb:
    """Give white or near-black, whichever is read better on the background."""
    return max(
        (WHITE, ink, BLACK),
        key=lambda text: (contrast(text, background) >= ENOUGH, text != BLACK, contrast(text, background)),
    )


def legible(colour: Rgb, *backgrounds: Rgb, enough: float = ENOUGH) -> Rgb:
    """Give the colour, or the nearest shade or tint of it that is legible on all the backgrounds; its hue stays."""
    darker = sum(map(luminance, backgrounds)) / len(backgrounds) > 0.18
    hue, light, saturation = colorsys.rgb_to_hls(*(part / 255 for part in colour))
    for step in range(101):
        lightness = light * (1 - step / 100) if darker else light + (1 - light) * step / 100
        red, green, blue = (round(part * 255) for part in colorsys.hls_to_rgb(hue, lightness, saturation))
        shade = colour if step == 0 else (red, green, blue)
        if all(contrast(shade, background) >= enough for background in backgrounds):
            return shade
    return BLACK if darker else WHITE
