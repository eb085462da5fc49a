"""Writes a roster file to fill in. Imports ``ingest.roster``, ``model`` and ``errors``."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell

from gridmap.errors import LoadRefused
from gridmap.ingest.roster import EXCEPTION_COLUMNS, SHIFT_COLUMNS
from gridmap.model import Post

# A post that no city has: example rows left in the file by mistake are shown as unknown by the preview.
EXAMPLE_POST = "EXAMPLE-例"

_WHO = {"post": EXAMPLE_POST, "holder": "H-1", "holder_name": "示例一 1"}
_SHIFT_EXAMPLES: tuple[Mapping[str, str], ...] = (
    {
        **_WHO,
        "hours": "1-5 08:00-20:00; 6-7 09:00-17:00",
        "valid_from": "2026-01-01",
        "backup": "H-2",
        "backup_name": "示例二 2",
        "verified_at": "2026-01-01",
    },
    {
        **_WHO,
        **{"1": "20:00-08:00", "2": "20:00-08:00", "3": "休", "6": "08:00-12:00; 14:00-18:00"},
        "valid_from": "2026-01-01",
        "valid_until": "2026-12-31",
    },
)
_EXCEPTION_EXAMPLES: tuple[Mapping[str, str], ...] = (
    {**_WHO, "kind": "leave", "begins": "2026-02-16", "ends": "2026-02-20", "substitute": "H-2"},
    {**_WHO, "kind": "swap", "begins": "2026-03-02", "ends": "2026-03-02", "substitute": "H-2"},
    {
        "post": EXAMPLE_POST,
        "kind": "extra",
        "begins": "2026-05-01 18:00",
        "ends": "2026-05-01 22:00",
        "substitute": "H-2",
    },
)
_POST_COLUMNS = ("post", "title", "kind", "level", "territory", "required")


def write_template(path: Path, posts: Iterable[Post]) -> None:
    """Write an .xlsx that ``read_roster`` understands: headers, an example of every kind of row, and the posts.

    Replaces a file that is there. Raises LoadRefused when the file cannot be written.
    """
    book = Workbook(write_only=True)
    _sheet(book, "shifts", _titles(SHIFT_COLUMNS), [_cells(SHIFT_COLUMNS, each) for each in _SHIFT_EXAMPLES])
    _sheet(
        book,
        "exceptions",
        _titles(EXCEPTION_COLUMNS),
        [_cells(EXCEPTION_COLUMNS, each) for each in _EXCEPTION_EXAMPLES],
    )
    listed = (
        (post.code, post.title, post.kind, post.level, post.territory, "; ".join(map(str, post.required)))
        for post in posts
    )
    _sheet(book, "posts", _POST_COLUMNS, listed)
    content = io.BytesIO()
    book.save(content)
    try:
        path.write_bytes(content.getvalue())
    except OSError as error:
        raise LoadRefused(f"{path.name}: cannot be written: {error.strerror}") from error


def _titles(columns: Mapping[str, Sequence[str]]) -> list[str]:
    """Both names of every column: the first English and the first Chinese one."""
    return [f"{words[0]} {next(word for word in words if not word.isascii())}" for words in columns.values()]


def _cells(columns: Mapping[str, Sequence[str]], row: Mapping[str, str]) -> list[str]:
    return [row.get(name, "") for name in columns]


def _sheet(book: Workbook, name: str, titles: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    sheet = book.create_sheet(name)
    for row in (titles, *rows):
        cells = []
        for text in row:
            cell = WriteOnlyCell(sheet, text or None)
            # As text: a code of digits keeps its zeros, and a title that begins with "=" is no formula.
            cell.number_format = "@"
            if text:
                cell.data_type = "s"
            cells.append(cell)
        sheet.append(cells)
