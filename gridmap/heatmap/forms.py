"""A heatmap as bytes: JSON, GeoJSON, CSV, Excel, Arrow. Each says revision, window, attribution and notice.

Imports its neighbours. Numbers that are not there are null; codes are text everywhere.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import chain
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import shapely
from numpy.typing import NDArray
from openpyxl import Workbook
from openpyxl.cell import Cell, WriteOnlyCell
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.worksheet._write_only import WriteOnlyWorksheet

from gridmap.crs import Floats, from_wgs84
from gridmap.heatmap.answer import Heatmap
from gridmap.heatmap.counting import write_counts
from gridmap.heatmap.places import Places, hex_polygons
from gridmap.heatmap.question import HEX, Window
from gridmap.hexes import from_text
from gridmap.model import CELL_LEVEL, City
from gridmap.shapes import Geometries
from gridmap.spreadsheets import harmless

OUTSIDE = "outside"

# How many digits rates and shares of change are given with.
_DIGITS = 4
_UNSAFE_IN_NAMES = re.compile(r"[^0-9A-Za-z._-]+")

# The bytes that JSON cannot hold as they are: below the space, the quotation mark and the backslash.
_SPACE, _QUOTE, _BACKSLASH = 0x20, 0x22, 0x5C
# As many digits as a count may have.
_MOST_DIGITS = 20

Column = NDArray[np.generic] | Any  # or text as an Arrow array, which has no types


def head(heatmap: Heatmap, city: City) -> dict[str, Any]:
    """What was asked and what it adds up to; all of the answer but its rows."""
    question = heatmap.question
    compared = None
    if question.earlier is not None:
        window = _window(question.earlier, city)
        compared = {**window, "total": heatmap.earlier_total, "outside": heatmap.earlier_outside}
    return {
        "revision": heatmap.revision,
        "data_version": heatmap.data_version,
        "of": question.of,
        "by": question.by,
        "resolution": question.resolution,
        "measure": question.measure,
        "class": question.class_,
        "category": list(question.categories),
        **_window(heatmap.window, city),
        "hours": sorted(question.hours) or None,
        "weekdays": sorted(question.weekdays) or None,
        "bbox": None if question.box is None else list(question.box),
        "area": question.area,
        "compare": compared,
        "total": heatmap.total,
        "outside": heatmap.outside,
        "suppressed": heatmap.suppressed,
        "released": None if heatmap.published is None else list(heatmap.published.periods),
        "attribution": city.attribution,
        "notice": dict(city.notice),
    }


def file_name(heatmap: Heatmap, city: City, suffix: str) -> str:
    """A name that says what the file holds: ``heatmap-incidents-hex8-r12-20260101-20270101.csv``."""
    question = heatmap.question
    by = f"{question.by}{'' if question.resolution is None else question.resolution}"
    days = []
    if heatmap.window != Window():
        dates = [_moment(each, city) for each in (heatmap.window.begins, heatmap.window.ends)]
        days = ["open" if date is None else date[:10].replace("-", "") for date in dates]
    parts = (
        "heatmap" if heatmap.published is None else "released",
        question.of,
        question.class_ or "",
        *question.categories[:3],
        by,
        question.area or "",
        f"r{heatmap.revision}",
        *days,
    )
    return "-".join(_UNSAFE_IN_NAMES.sub("_", part) for part in parts if part) + f".{suffix}"


def columns(heatmap: Heatmap, *, names: bool = True) -> dict[str, Column]:
    """The rows by column: hex, or code and name; count; the rate; the earlier count and the change."""
    found: dict[str, Column] = {HEX if heatmap.name_array is None else "code": heatmap.key_array}
    if heatmap.name_array is not None and names:
        found["name"] = heatmap.name_array
    found["count"] = heatmap.counts
    if heatmap.values is not None:
        found[heatmap.question.measure] = np.round(heatmap.values, _DIGITS)
    if heatmap.earlier is not None and heatmap.changes is not None and heatmap.relative_changes is not None:
        found["earlier"], found["change"] = heatmap.earlier, heatmap.changes
        found["relative_change"] = np.round(heatmap.relative_changes, _DIGITS)
    return found


def to_json(heatmap: Heatmap, city: City, more: Mapping[str, Any]) -> bytes:
    """The contract's form; ``more`` stands beside its fields. Cells come without names, to keep it small."""
    opening = json.dumps({**head(heatmap, city), **more}, ensure_ascii=False)[:-1]
    given = columns(heatmap, names=heatmap.question.by != CELL_LEVEL)
    rows = _counts(given) if list(given)[1:] == ["count"] else _joined(_objects(given))
    return b"".join((opening.encode(), b', "rows": [', rows, b"]}"))


def to_geojson(heatmap: Heatmap, places: Places, crs: str) -> bytes:
    """A feature for each row, in ``crs``; the shapes of cells and areas are simplified together."""
    shapes = pa.array(shapely.to_geojson(in_crs(shapes_of(heatmap, places), crs)), pa.large_string())
    before, identities, after = _fragment(heatmap.key_array)
    row = _objects(columns(heatmap))
    opened = (f'{{"type":"Feature","id":{before}', identities, f'{after},"geometry":', shapes)
    features = [*opened, f',"properties":{row[0]}', *row[1:-1], f"{row[-1]}}}"]
    opening = json.dumps(
        {"type": "FeatureCollection", "crs": crs, **head(heatmap, places.city)}, ensure_ascii=False
    )
    return b"".join((opening[:-1].encode(), b', "features": [', _joined(features), b"]}"))


def to_csv(heatmap: Heatmap) -> bytes:
    """UTF-8 without a byte order mark; codes are quoted; the last row is what lies outside the city."""
    sink = io.StringIO(newline="")
    writer = csv.writer(sink, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\r\n")
    for row in _table(heatmap):
        writer.writerow(["" if value is None else harmless(value) for value in row])
    return sink.getvalue().encode()


def to_xlsx(heatmap: Heatmap, city: City) -> bytes:
    """A workbook: the rows, codes as text, the last of them outside the city; and a sheet on what they are."""
    book = Workbook(write_only=True)
    sheet, about = book.create_sheet("heatmap"), book.create_sheet("about")
    for row in _table(heatmap):
        sheet.append([_text_cell(sheet, value) if isinstance(value, str) else value for value in row])
    for name, value in head(heatmap, city).items():
        shown = value if isinstance(value, int | float | None) else _plain(value)
        about.append([_text_cell(about, name), _text_cell(about, shown) if isinstance(shown, str) else shown])
    sink = io.BytesIO()
    book.save(sink)
    return sink.getvalue()


def to_arrow(heatmap: Heatmap, city: City) -> bytes:
    """An Arrow stream; its schema's metadata hold the head as JSON under ``gridmap``."""
    arrays = {name: _array(values) for name, values in columns(heatmap).items()}
    metadata = {"gridmap": json.dumps(head(heatmap, city), ensure_ascii=False)}
    table = pa.table(arrays).replace_schema_metadata(metadata)
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


def shapes_of(heatmap: Heatmap, places: Places) -> Geometries:
    """The rows' polygons, in WGS 84 degrees."""
    if heatmap.name_array is None:
        return hex_polygons([from_text(key) for key in heatmap.keys])
    layer = places.layer(heatmap.question.by)
    number = {code: i for i, code in enumerate(layer.codes)}
    chosen: Geometries = places.shapes(layer.level)[[number[key] for key in heatmap.keys]]
    return chosen


def in_crs(shapes: Geometries, crs: str) -> Geometries:
    """Polygons in WGS 84 degrees in another crs."""
    if crs == "wgs84":
        return shapes

    def convert(coordinates: Floats) -> Floats:
        return np.column_stack(from_wgs84(crs, coordinates[:, 0], coordinates[:, 1]))

    converted: Geometries = shapely.transform(shapes, convert)
    return converted


def _window(window: Window, city: City) -> dict[str, str | None]:
    return {"from": _moment(window.begins, city), "to": _moment(window.ends, city)}


def _moment(microseconds: int | None, city: City) -> str | None:
    if microseconds is None:
        return None
    seconds, rest = divmod(microseconds, 1_000_000)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest).astimezone(city.zone).isoformat()


def _objects(given: Mapping[str, Column]) -> list[str | pa.Array]:
    """The pieces of each row as a JSON object, in their order: texts that all rows share, and columns."""
    pieces: list[str | pa.Array] = []
    opening = "{"
    for name, values in given.items():
        before, column, after = _fragment(values)
        pieces += [f'{opening}"{name}":{before}', column]
        opening = f"{after},"
    return [*pieces, f"{opening[:-1]}}}"]


def _fragment(values: Column) -> tuple[str, pa.StringArray, str]:
    """Each value as JSON, but for what stands before and after it."""
    array = _array(values)
    if not pa.types.is_string(array.type):
        return "", pc.fill_null(array.cast(pa.string()), "null"), ""
    if _is_escaped(array):
        return (
            "",
            pa.array([json.dumps(value, ensure_ascii=False) for value in array.to_pylist()], pa.string()),
            "",
        )
    return '"', array, '"'


def _is_escaped(texts: pa.StringArray) -> bool:
    """Whether one of the texts holds what JSON cannot hold as it is."""
    data = np.frombuffer(texts.buffers()[2] or b"", np.uint8)
    if not len(data):
        return False
    low = data.min() <= _QUOTE and bool(((data < _SPACE) | (data == _QUOTE)).any())
    return low or bool((data == _BACKSLASH).any())


def _counts(given: Mapping[str, Column]) -> memoryview:
    """What :func:`_joined` makes of keys and counts alone, as most ask for them, in a quarter of its time."""
    (name, values), (_, counts) = given.items()
    before, keys, after = _fragment(values)
    _, ends, data = keys.buffers()
    ends = np.frombuffer(ends, np.int32)[keys.offset : keys.offset + len(keys) + 1]
    opening, middle, closing = (
        np.frombuffer(each.encode(), np.uint8) for each in (f'{{"{name}":{before}', f'{after},"count":', "},")
    )
    room = len(keys) * (len(opening) + len(middle) + len(closing) + _MOST_DIGITS) + int(ends[-1] - ends[0])
    rows = np.empty(room, np.uint8)
    size = write_counts(
        opening, np.frombuffer(data or b"", np.uint8), ends, middle, np.asarray(counts, np.int64), closing, rows
    )
    return rows.data[: max(size - 1, 0)]


def _joined(pieces: Sequence[str | pa.Array]) -> memoryview:
    """The rows that the pieces make, with commas between them: by Arrow, in a tenth of the time of dictionaries.

    Shapes may take more than the 2 GiB that plain strings may.
    """
    large = [
        pa.scalar(piece, pa.large_string()) if isinstance(piece, str) else piece.cast(pa.large_string())
        for piece in (*pieces[:-1], f"{pieces[-1]},", "")
    ]
    rows = pc.binary_join_element_wise(*large)
    _, offsets, data = rows.buffers()
    end = int(np.frombuffer(offsets, np.int64)[len(rows)]) if len(rows) else 0
    return memoryview(data)[: end - 1] if end else memoryview(b"")


def _array(values: Column) -> pa.Array:
    if not isinstance(values, np.ndarray):
        return values
    return pa.array(values, mask=np.isnan(values) if values.dtype.kind == "f" else None)


def _listed(values: Column) -> list[Any]:
    return list(_array(values).to_pylist())


def _table(heatmap: Heatmap) -> chain[list[Any]]:
    """The header, the rows and what lies outside, which has no shape and so no rate per km².

    A release that hides what lies outside has no number there.
    """
    given = columns(heatmap)
    last = dict.fromkeys(given, None) | {next(iter(given)): OUTSIDE, "count": heatmap.outside}
    if heatmap.earlier is not None:
        earlier, change = heatmap.earlier_outside, (heatmap.outside or 0) - heatmap.earlier_outside
        relative = round(change / earlier, _DIGITS) if earlier else None
        last |= {"earlier": earlier, "change": change, "relative_change": relative}
    rows = map(list, zip(*map(_listed, given.values()), strict=True))
    return chain([list(given)], rows, [list(last.values())])


def _text_cell(sheet: WriteOnlyWorksheet, value: str) -> Cell:
    cell: Cell = WriteOnlyCell(sheet, ILLEGAL_CHARACTERS_RE.sub("", value))
    cell.data_type = "s"  # never a formula
    cell.number_format = "@"
    return cell


def _plain(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
