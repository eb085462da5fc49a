"""No text of a table is a formula, whoever wrote it."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import load_workbook

from gridmap.cli.rejected import _write
from gridmap.ingest.roster_template import write_template
from gridmap.model import Post, RejectedRow
from gridmap.redraw.table import to_csv
from gridmap.spreadsheets import FORMULA, harmless

ATTACKS = (
    "=1+1",
    "+cmd|' /C calc'!A0",
    "-2+3",
    "@SUM(1)",
    "\t=1",
    "\r=1",
    "\n=1",
    "＝1+1",
    '=HYPERLINK("http://x")',
)


@pytest.mark.parametrize("text", ATTACKS)
def test_what_would_be_a_formula_is_text(text: str) -> None:
    assert harmless(text) == f"'{text}"


@pytest.mark.parametrize("value", ["网格一", "1-2", "-1.5", "+86", "'=1", "", 5, -5, None, 1.5])
def test_everything_else_stays(value: object) -> None:
    assert harmless(value) == value


@given(st.text())
def test_no_text_begins_like_a_formula_unless_it_is_a_number(text: str) -> None:
    shown = harmless(text)
    assert isinstance(shown, str)
    assert shown.removeprefix("'") in (text, text.removeprefix("'"))
    if shown.startswith(FORMULA):
        float(shown)


@pytest.mark.parametrize("text", ATTACKS)
def test_rejected_rows_of_strangers_hold_none(tmp_path: Path, text: str) -> None:
    out = tmp_path / "rejected.csv"
    row = RejectedRow(line=2, reason=text, columns={text: text}, file="a.csv")
    _write(out, [text], [row])
    written = list(csv.reader(out.read_text(encoding="utf-8-sig").splitlines(keepends=True)))
    cells = [cell for each in written for cell in each]
    assert not [cell for cell in cells if cell.startswith(FORMULA)]


def test_tables_of_differences_hold_none() -> None:
    content = to_csv([{"name": each} for each in ATTACKS], ["name"]).decode("utf-8-sig")
    cells = [cell for each in csv.reader(io.StringIO(content, newline="")) for cell in each]
    assert len(cells) == 1 + len(ATTACKS)
    assert not [cell for cell in cells if cell.startswith(FORMULA)]


@pytest.mark.parametrize("text", ATTACKS)
def test_a_template_holds_titles_as_text(tmp_path: Path, text: str) -> None:
    path = tmp_path / "template.xlsx"
    title = text.strip()
    post = Post("p", "grid_worker", title, "district", "120101", "022-00000000")
    write_template(path, [post])
    cell = load_workbook(path)["posts"]["B2"]
    assert (cell.value, cell.data_type) == (title, "s")
