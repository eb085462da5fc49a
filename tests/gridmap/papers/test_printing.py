"""Printing: nothing is loaded, nothing breaks out of its place, and what is missing is said."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from markupsafe import Markup
from weasyprint.urls import FatalURLFetchingError

from gridmap import programs
from gridmap.errors import Unavailable
from gridmap.papers import printing
from gridmap.papers.printing import css_text, pdf, png, qr_code
from tests.gridmap.papers.reading import pages_of, picture_of, qr_codes

PAGE = "<!doctype html><meta charset=utf-8><style>@page { size: 100mm 80mm; @top-left { content: %s } }</style>%s"


@pytest.mark.parametrize("text", ['"}body{display:none}', "</style><b>x", "\\22 } * { color: red", "一\n二"])
def test_a_text_in_css_stays_a_text(text: str) -> None:
    written = css_text(text)
    assert isinstance(written, Markup)
    assert not set(written[1:-1]) - set("\\0123456789abcdef")
    said = pages_of(pdf(PAGE % (written, "<p>内容</p>")))[0]
    assert "内容" in said
    assert text.splitlines()[0] in said


@pytest.mark.parametrize("scheme", ["file", "http"])
def test_a_page_reaches_neither_the_disk_nor_the_network(tmp_path: Path, scheme: str) -> None:
    secret = tmp_path / "secret.svg"
    secret.write_text(
        '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><text y="9">secret</text></svg>'
    )
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        server.socket.settimeout(0.2)
        address = secret.as_uri() if scheme == "file" else f"http://127.0.0.1:{server.server_port}/x.svg"
        with pytest.raises(FatalURLFetchingError, match="Error fetching"):
            pdf(PAGE % ('""', f'<p>内容</p><img src="{address}">'))
        with pytest.raises(TimeoutError):  # nobody has called
            server.socket.accept()


def test_a_qr_code_is_read_again_also_with_a_stain_on_it() -> None:
    address = "https://grid.example.gov.cn/v1/cells/120101001001001/poster.html"
    document = pdf(PAGE % ('""', f'<div style="width: 40mm">{qr_code(address)}</div>'))
    picture = picture_of(document, dots_per_inch=200)
    assert qr_codes(picture) == [address]
    width, height = picture.size
    picture.paste((120, 90, 60), (int(0.25 * width), int(0.42 * height), int(0.30 * width), int(0.50 * height)))
    assert qr_codes(picture) == [address]


def test_a_picture_has_the_size_that_it_says() -> None:
    import io  # noqa: PLC0415

    from PIL import Image  # noqa: PLC0415

    picture = Image.open(io.BytesIO(png(pdf(PAGE % ('""', "内容")), 100)))
    assert picture.size == (394, 315)  # 100 mm by 80 mm at 100 dots an inch


def test_where_nothing_can_be_printed_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(printing, "_can_print", lambda: False)
    with pytest.raises(Unavailable, match="apt-get install libpango"):
        pdf("<p>x")


def test_too_many_at_once_are_turned_away_and_the_next_is_served(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(printing, "_places", threading.BoundedSemaphore(1))
    with printing._turn(), pytest.raises(Unavailable, match="try again"):
        pdf("<p>x")
    assert pdf("<p>x").startswith(b"%PDF")


def test_a_machine_without_pango_or_font_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert programs.can_print()
    assert programs.install_printing(lambda _: pytest.fail("nothing is missing")) is False
    monkeypatch.setattr(programs, "find_library", lambda name: None if name == "pangoft2-1.0" else name)
    assert not programs.can_print()
    monkeypatch.undo()
    monkeypatch.setattr(programs, "run", lambda *_, **__: "\n")
    assert not programs.can_print()
