"""Papers read back by what did not make them: PDFium for text and fonts, ZXing for QR codes."""

from __future__ import annotations

import ctypes
import io
import re

import pypdfium2.raw as pdfium
import zxingcpp
from PIL import Image
from pypdfium2 import PdfDocument


def pages_of(document: bytes) -> list[str]:
    """The text of each page."""
    opened = PdfDocument(document)
    try:
        return [page.get_textpage().get_text_range() for page in opened]
    finally:
        opened.close()


def fonts_of(document: bytes) -> dict[str, bool]:
    """The name of each font that some text is in, and whether it is in the file."""
    opened = PdfDocument(document)
    found: dict[str, bool] = {}
    try:
        for page in opened:
            for each in page.get_objects(filter=[pdfium.FPDF_PAGEOBJ_TEXT], max_depth=20):
                font = pdfium.FPDFTextObj_GetFont(each.raw)
                name = ctypes.create_string_buffer(200)
                pdfium.FPDFFont_GetBaseFontName(font, name, 200)
                found[name.value.decode()] = pdfium.FPDFFont_GetIsEmbedded(font) == 1
    finally:
        opened.close()
    return found


def size_mm(document: bytes) -> tuple[int, int]:
    """Width and height of the first page."""
    opened = PdfDocument(document)
    try:
        width, height = opened[0].get_size()
    finally:
        opened.close()
    return round(width / 72 * 25.4), round(height / 72 * 25.4)


def picture_of(document: bytes, page: int = 0, dots_per_inch: int = 110) -> Image.Image:
    """A page as it looks."""
    opened = PdfDocument(document)
    try:
        picture: Image.Image = opened[page].render(scale=dots_per_inch / 72).to_pil()
    finally:
        opened.close()
    return picture


def qr_codes(picture: Image.Image | bytes) -> list[str]:
    """What the QR codes on a picture say."""
    opened = Image.open(io.BytesIO(picture)) if isinstance(picture, bytes) else picture
    return [code.text for code in zxingcpp.read_barcodes(opened)]


def loads_from(html: str) -> list[str]:
    """Whatever a page would ask anybody for, or run."""
    without_names = html.replace('xmlns="http://www.w3.org/2000/svg"', "")
    asked = re.findall(
        r"<(?:script|link|img|iframe|object|embed|use|image)\b|@import|url\((?!#)|\bsrc=|\bon\w+=", without_names
    )
    return asked + re.findall(r'href="(?!tel:)', without_names)
