"""Pages to PDF and PNG, and QR codes: the only place that speaks to the libraries for it.

Imports ``programs`` and ``errors``. WeasyPrint loads Pango when it is imported, which a machine may lack: so it is
imported when it is needed.
"""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any

import segno
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from pypdfium2 import PdfDocument

from gridmap.errors import Unavailable
from gridmap.programs import NO_PRINTING, can_print

# Neither Pango's fonts nor PDFium are for several threads at once.
_lock = threading.Lock()
# More than wait for it would keep a server's threads from answering anything else.
_places = threading.BoundedSemaphore(6)


def css_text(text: str) -> Markup:
    """A text as a string of CSS in which no character has a meaning, for CSS or for HTML."""
    return Markup('"' + "".join(f"\\{ord(letter):06x}" for letter in text) + '"')  # noqa: S704 - see above


@cache
def _templates() -> Environment:
    environment = Environment(
        loader=PackageLoader("gridmap.papers"), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.filters["css_text"] = css_text
    return environment


def page(template: str, values: Mapping[str, Any]) -> str:
    """A page made from a template; every value is escaped."""
    return _templates().get_template(template).render(**values)


def pdf(html: str) -> bytes:
    """A page printed, all fonts in it; Unavailable where Pango or a font with Chinese characters is missing."""
    if not _can_print():
        raise Unavailable(NO_PRINTING)
    from weasyprint import HTML  # noqa: PLC0415 - see above
    from weasyprint.urls import URLFetcher  # noqa: PLC0415

    nowhere = URLFetcher(allowed_protocols=(), fail_on_errors=True)
    with _turn():
        printed = HTML(string=html, url_fetcher=nowhere).write_pdf()
    return bytes(printed)


@cache
def _can_print() -> bool:
    return can_print()


@contextmanager
def _turn() -> Iterator[None]:
    """The one who prints; Unavailable when too many wait already."""
    if not _places.acquire(blocking=False):
        raise Unavailable("too many papers are being printed: try again in a few seconds")
    try:
        with _lock:
            yield
    finally:
        _places.release()


def png(document: bytes, dots_per_inch: int) -> bytes:
    """The first page of a PDF as a picture; Unavailable as of :func:`pdf`."""
    with _turn():
        opened = PdfDocument(document)
        try:
            picture = opened[0].render(scale=dots_per_inch / 72).to_pil()
        finally:
            opened.close()
    sink = io.BytesIO()
    picture.save(sink, "PNG", optimize=True, dpi=(dots_per_inch, dots_per_inch))
    return sink.getvalue()


def qr_code(text: str) -> str:
    """A QR code as SVG that fills its place, which can lose a quarter of itself and be read."""
    code = segno.make(text, error="q", micro=False)
    sink = io.BytesIO()
    code.save(sink, kind="svg", xmldecl=False, svgclass=None, lineclass=None, omitsize=True, border=4)
    return sink.getvalue().decode()
