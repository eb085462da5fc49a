"""What the forms make of rows that nobody expects: no rows, one row, and names that no format likes."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace

import numpy as np
import openpyxl
import pyarrow as pa
import pytest

from gridmap.heatmap import forms
from gridmap.heatmap.answer import Heatmap, Published, count
from gridmap.heatmap.columns import Facts
from gridmap.heatmap.question import Question, Window
from gridmap.heatmap.words import TEXTS

NAMES = [
    'a "quoted" one',
    "back\\slash",
    "two\nlines",
    "tab\tand\x01more",
    "=SUM(A1)",
    "-1+A1",
    "和平区,“引号”",
    "",
]


def heatmap_of(names: list[str]) -> Heatmap:
    """Rows of the release's shape, made by hand: hidden ones are counted, and a rate and a change are missing."""
    number = len(names)
    return Heatmap(
        question=Question("incidents", "street", measure="per_km2", window=Window(0, 2), earlier=Window(0, 1)),
        revision=7,
        data_version="f1",
        key_array=pa.array([f"1{n:02d}" for n in range(number)], pa.string()),
        name_array=pa.array(names, pa.string()),
        counts=np.arange(number, dtype=np.int64),
        outside=3,
        values=np.where(np.arange(number) % 2, np.nan, 1.23456789),
        earlier=np.arange(number, dtype=np.int64) % 3,
        earlier_outside=2,
        published=Published(("2026-10",), Window(0, 2), 3, sum(range(number)) + 3, 4),
    )


@pytest.mark.parametrize("names", [[], NAMES[:1], NAMES])
def test_json_is_what_json_is(facts: Facts, names: list[str]) -> None:
    heatmap = heatmap_of(names)
    answer = json.loads(forms.to_json(heatmap, facts.places.city, {"degraded": None}))
    assert [row["name"] for row in answer["rows"]] == names
    assert [row["code"] for row in answer["rows"]] == heatmap.keys
    assert [row["per_km2"] for row in answer["rows"]] == [None if n % 2 else 1.2346 for n in range(len(names))]
    assert [row["change"] for row in answer["rows"]] == [n - n % 3 for n in range(len(names))]
    expected = [None if n % 3 == 0 else round(n / (n % 3) - 1, 4) for n in range(len(names))]
    assert [row["relative_change"] for row in answer["rows"]] == expected
    assert (answer["suppressed"], answer["outside"], answer["total"]) == (4, 3, sum(range(len(names))) + 3)
    assert answer["compare"]["outside"] == 2
    assert answer["released"] == ["2026-10"]


def test_tables_keep_every_text_and_make_no_formula_of_any(facts: Facts) -> None:
    heatmap = heatmap_of(NAMES)
    read = list(csv.reader(io.StringIO(forms.to_csv(heatmap).decode(), newline="")))
    assert [row[1].removeprefix("'") for row in read[1:-1]] == NAMES
    assert not any(row[1].startswith(("=", "-", "+", "@")) for row in read[1:])
    assert read[-1] == ["outside", "", "3", "", "2", "1", "0.5"]
    sheet = openpyxl.load_workbook(io.BytesIO(forms.to_xlsx(heatmap, facts.places.city)))["heatmap"]
    assert "f" not in {cell.data_type for cell in sheet["B"]}
    assert sheet["B6"].value == "=SUM(A1)"
    arrow = pa.ipc.open_stream(forms.to_arrow(heatmap, facts.places.city)).read_all()
    assert arrow["name"].to_pylist() == NAMES
    assert arrow["per_km2"].null_count == 4


def test_geojson_without_rows_is_geojson(facts: Facts) -> None:
    for by, resolution in (("cell", None), ("hex", 9)):
        empty = count(facts, Question("incidents", by, resolution, window=Window(0, 1)))
        assert json.loads(forms.to_geojson(empty, facts.places, "gcj02"))["features"] == []


def test_a_file_is_named_for_what_it_holds(facts: Facts) -> None:
    city = facts.places.city
    question = Question("incidents", "hex", 8, categories=("noise",), area="120101", window=Window(None, 10**15))
    name = forms.file_name(count(facts, question), city, "csv")
    assert name == "heatmap-incidents-noise-hex8-120101-r1-open-20010909.csv"


def test_what_a_release_hides_has_no_number_in_any_form(facts: Facts) -> None:
    published = Published(("2026-09", "2026-10"), Window(0, 10**15), 3, None, 4)
    heatmap = replace(heatmap_of(NAMES[:2]), values=None, earlier=None, outside=None, published=published)
    heatmap = replace(heatmap, question=Question("incidents", "street"))
    answer = json.loads(forms.to_json(heatmap, facts.places.city, {}))
    assert (answer["total"], answer["outside"], answer["suppressed"]) == (None, None, 4)
    assert list(csv.reader(io.StringIO(forms.to_csv(heatmap).decode())))[-1] == ["outside", "", ""]
    about = openpyxl.load_workbook(io.BytesIO(forms.to_xlsx(heatmap, facts.places.city)))["about"]
    said = {row[0].value: row[1].value for row in about.rows}
    assert said["total"] is None
    assert said["released"] == '["2026-09", "2026-10"]'
    assert (
        forms.file_name(heatmap, facts.places.city, "png") == "released-incidents-street-r7-19700101-20010909.png"
    )
    shown = TEXTS["en"].subtitle(heatmap, forms.head(heatmap, facts.places.city))
    assert shown == (
        "Released counts of 2026-09, 2026-10; counts below 3, and those that would give them away, are hidden "
        "(4 rows); in all not shown; grid revision 7"
    )
