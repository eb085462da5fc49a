"""The colours of the styles, and why these: pure data. Imports nothing.

Kinds and lines are told apart by people with any common colour blindness: hues lie on the blue-orange axis and
differ in lightness too. Ramps grow in lightness from end to end, so that they also work in grey.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Palette:
    """The colours of one theme; ``ramp`` runs from few to many, ``nothing`` is 0,
    ``hidden`` what a release does not show."""

    ground: str
    land: str
    ink: str
    halo: str
    kinds: dict[str, str]
    cell_line: str
    area_line: str
    city_line: str
    street: str
    water: str
    wall: str
    overlay: str
    ramp: tuple[str, ...]
    nothing: str
    hidden: str


LIGHT = Palette(
    ground="#eef1f2",
    land="#fbfbf8",
    ink="#1c2733",
    halo="#ffffff",
    kinds={"basic": "#d7e3ec", "full_service": "#5b9bd0", "special": "#e8a33d"},
    cell_line="#8497a6",
    area_line="#4a5c6b",
    city_line="#1c2733",
    street="#ffffff",
    water="#8fc3e0",
    wall="#b9aa95",
    overlay="#8a4fa3",
    ramp=("#fdf0a4", "#e3cc62", "#b3a06e", "#7f7a74", "#4f576d", "#1d3462"),
    nothing="#f1f2ef",
    hidden="#c4cad0",
)

DARK = Palette(
    ground="#0e1317",
    land="#161d23",
    ink="#e7edf2",
    halo="#0e1317",
    kinds={"basic": "#25343f", "full_service": "#2c6ea6", "special": "#b97a1e"},
    cell_line="#516473",
    area_line="#93a6b5",
    city_line="#e7edf2",
    street="#3a4650",
    water="#24506b",
    wall="#5c5343",
    overlay="#c79bdc",
    ramp=("#24365c", "#4c5570", "#7a777a", "#a99d74", "#d6c45f", "#fdee8e"),
    nothing="#1a2127",
    hidden="#454b51",
)
