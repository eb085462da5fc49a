"""A poster of a cell for the wall: map, who is responsible, whom to call, a QR code. Imports its neighbours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from gridmap.errors import InvalidInput
from gridmap.model import CELL_LEVEL, Area, City, Revision
from gridmap.papers.bounds import CentreLines, bounds_in
from gridmap.papers.dossier import moment
from gridmap.papers.drawing import Drawing, draw
from gridmap.papers.figures import labels_of
from gridmap.papers.parts import MapPart, around
from gridmap.papers.printing import page, pdf, png, qr_code
from gridmap.papers.words import Words

# Width and height in millimetres.
SIZES = {"A4": (210.0, 297.0), "A3": (297.0, 420.0)}
_COLOUR = "#7fb3d5"
# At 150 dots an inch an A4 poster is 1,240 pixels wide, and its QR code has 7 a module.
PICTURE_DPI = 150
# Of those who take turns at a post.
_MOST_NAMES = 3


@dataclass(frozen=True, slots=True)
class PosterPost:
    """A post as the city posts it on the wall: at which level, its title, who holds it, its duty phone."""

    level: str
    title: str
    holders: tuple[str, ...]
    phone: str


@dataclass(frozen=True)
class Poster:
    """A cell with what is around it. ``posts``: of the cell and its community, ``ladder``: the desks above them.

    ``address`` is what the QR code says.
    """

    city: City
    revision: Revision
    part: MapPart
    lines: CentreLines
    code: str
    posts: Sequence[PosterPost]
    ladder: Sequence[PosterPost]
    address: str
    made_at: datetime

    @property
    def areas(self) -> tuple[Area, ...]:
        """From the city down to the community."""
        return self.part.chain(self.code)[::-1]


def poster_html(poster: Poster, words: Words, size: str) -> str:
    """The poster as a page; InvalidInput for a size of paper that there is not."""
    if size not in SIZES:
        raise InvalidInput("size", size, f"must be one of {', '.join(SIZES)}")
    width, height = SIZES[size]
    scale = width / SIZES["A4"][0]
    cell, city = poster.part.cell(poster.code), poster.city
    # lengths of the drawing are those of A4; the page makes it larger
    shape = poster.part.shape(poster.code)
    box = around(np.array([shape], dtype=object), 0.22, 0.0006)
    drawing = Drawing(
        poster.part,
        poster.lines,
        box,
        {poster.code: _COLOUR},
        labels_of(poster.part),
        marked=[poster.code],
    )
    bounds = words.bounds(
        bounds_in(poster.part, poster.code, poster.lines), lambda other: words.named(poster.part.cell(other))
    )
    values = {
        "words": words,
        "size": size,
        "scale": scale,
        "width": width,
        "height": height,
        "city": words.city(city),
        "areas": [area.name for area in poster.areas[1:]],
        "name": cell.name,
        "code": cell.code,
        "kind": words.kinds[cell.kind],
        "services": words.listed(cell.services),
        "bounds": bounds,
        "map": draw(drawing, 186.0, 112.0),
        "posts": [_row(post, words) for post in poster.posts],
        "ladder": [_row(post, words) for post in poster.ladder],
        "emergency": city.emergency,
        "qr": qr_code(poster.address),
        "address": poster.address,
        "foot": [
            f"{words['revision'].format(poster.revision.number)} · "
            + words["as_of"].format(
                moment(poster.revision.valid_from, city), f"{poster.made_at.astimezone(city.zone):%Y-%m-%d}"
            ),
            words["no_base_map"],
            words["source"].format(city.attribution),
            *(words["notice"].format(notice) for notice in words.notices(city)),
        ],
    }
    return page("poster.html", values)


def poster_pdf(poster: Poster, words: Words, size: str) -> bytes:
    """The poster as a PDF of one page."""
    return pdf(poster_html(poster, words, size))


def poster_png(poster: Poster, words: Words, size: str) -> bytes:
    """The poster as a picture."""
    return png(poster_pdf(poster, words, size), PICTURE_DPI)


def _row(post: PosterPost, words: Words) -> dict[str, str]:
    level = words.level(CELL_LEVEL) if post.level == CELL_LEVEL else words.level(post.level)
    holders = words.listed(post.holders[:_MOST_NAMES]) or words["nobody"]
    if len(post.holders) > _MOST_NAMES:
        holders = words["and_more"].format(names=holders, number=len(post.holders))
    return {"level": level, "title": post.title, "holders": holders, "phone": post.phone}
