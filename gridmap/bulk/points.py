"""The points of a batch of rows, in WGS 84: from two columns or a geometry column, in any crs. Imports ``crs``."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import shapely
from numpy.typing import NDArray

from gridmap.bulk.sources import Source
from gridmap.coverage.placing import BAD_ACCURACY, MISSING, NOT_A_POINT, NOT_FINITE
from gridmap.crs import Floats, check_name, is_degrees, to_wgs84
from gridmap.errors import InvalidInput

# What columns of coordinates are called in files; used when nobody names them and one pair is there.
PAIRS = (("lon", "lat"), ("lng", "lat"), ("longitude", "latitude"), ("x", "y"), ("经度", "纬度"))

_NUMBER = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$"
_PLAIN_POINT = np.dtype([("order", "u1"), ("type", "<u4"), ("xy", "<f8", 2)])


@dataclass(frozen=True, slots=True)
class Layout:
    """Where a file's points are and in which crs: either ``x`` and ``y`` or ``geometry`` names columns."""

    crs: str
    x: str | None
    y: str | None
    geometry: str | None
    accuracy: str | None


def layout_of(
    source: Source, crs: str | None, x: str | None = None, y: str | None = None, accuracy: str | None = None
) -> Layout:
    """How to read a file's points. InvalidInput when a column is not there, or the crs is not said or another."""
    if (x is None) != (y is None):
        raise InvalidInput("lon, lat", (x, y), "must be named both or not at all")
    for name in (x, y, accuracy):
        if name is not None and name not in source.schema.names:
            known = ", ".join(source.schema.names)
            raise InvalidInput("column", name, f"is not in {source.path.name}; it has {known}")
    geometry = source.geometry if x is None else None
    stated = source.crs if geometry is not None else None
    if x is None and geometry is None:
        x, y = _found_pair(source)
    name = None if crs is None else check_name(crs)
    if name is None:
        if stated is None:
            rule = f"must be named: {source.path.name} does not say in which its points are"
            raise InvalidInput("crs", crs, rule)
        name = check_name(stated)
    # A file may call shifted points WGS 84, since GCJ-02 and BD-09 have no code: what is named decides then.
    elif stated is not None and name not in ("gcj02", "bd09") and _same(name) != _same(check_name(stated)):
        raise InvalidInput("crs", crs, f"must be {stated} as {source.path.name} itself says")
    return Layout(name, x, y, geometry, accuracy)


def _same(crs: str) -> str:
    return {"EPSG:4326": "wgs84", "EPSG:4490": "cgcs2000"}.get(crs, crs)


def _found_pair(source: Source) -> tuple[str, str]:
    names = {name.strip().lower(): name for name in source.schema.names}
    pairs = [(names[x], names[y]) for x, y in PAIRS if x in names and y in names]
    if len(pairs) != 1:
        known = ", ".join(source.schema.names)
        raise InvalidInput("lon, lat", None, f"name the columns of coordinates; {source.path.name} has {known}")
    return pairs[0]


def points_of(batch: pa.RecordBatch, layout: Layout) -> tuple[Floats, Floats, Floats, NDArray[np.uint8]]:
    """lon, lat in WGS 84, accuracy in metres (NaN: unknown), what is wrong with each row already; all (n,)."""
    if layout.geometry is not None:
        x, y, reasons = _from_geometry(batch.column(layout.geometry))
    else:
        assert layout.x is not None
        assert layout.y is not None
        x, x_reasons = _numbers(batch.column(layout.x))
        y, y_reasons = _numbers(batch.column(layout.y))
        reasons = np.maximum(x_reasons, y_reasons)
        reasons[(x_reasons == MISSING) | (y_reasons == MISSING)] = MISSING
    lon, lat = _in_wgs84(layout.crs, x, y)
    accuracy = np.full(len(lon), np.nan)
    if layout.accuracy is not None:
        accuracy, wrong = _numbers(batch.column(layout.accuracy))
        reasons[(reasons == 0) & ((wrong == NOT_FINITE) | np.isinf(accuracy))] = BAD_ACCURACY
    return lon, lat, accuracy, reasons


def _in_wgs84(crs: str, x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Converted where the numbers can be a place; elsewhere as they are, for their reason to be found."""
    usable = np.isfinite(x) & np.isfinite(y)
    if is_degrees(crs):
        usable &= (np.abs(x) <= 180.0) & (np.abs(y) <= 90.0)
    if usable.all():
        return to_wgs84(crs, x, y)
    # What is finite and no place in its crs must not come out as one.
    lon, lat = np.where(np.isfinite(x), 999.0, x), np.where(np.isfinite(y), 999.0, y)
    lon[usable], lat[usable] = to_wgs84(crs, x[usable], y[usable])
    lost = usable & ~(np.isfinite(lon) & np.isfinite(lat))
    lon[lost], lat[lost] = 999.0, 999.0
    return lon, lat


def _numbers(column: pa.Array) -> tuple[Floats, NDArray[np.uint8]]:
    """A column's numbers, NaN where there is none, and why."""
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    reasons = np.zeros(len(column), np.uint8)
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        text = pc.utf8_trim_whitespace(column)
        missing = pc.fill_null(pc.equal(text, ""), fill_value=True)
        numeric = pc.fill_null(pc.match_substring_regex(text, _NUMBER), fill_value=False)
        reasons[~numeric.to_numpy(zero_copy_only=False)] = NOT_FINITE
        reasons[missing.to_numpy(zero_copy_only=False)] = MISSING
        column = pc.if_else(numeric, text, None).cast(pa.float64())
    elif pa.types.is_null(column.type):
        return np.full(len(column), np.nan), np.full(len(column), MISSING, np.uint8)
    elif not (
        pa.types.is_floating(column.type) or pa.types.is_integer(column.type) or pa.types.is_decimal(column.type)
    ):
        raise InvalidInput("column", str(column.type), "coordinates and accuracies must be numbers")
    else:
        column = column.cast(pa.float64(), safe=False)
        if column.null_count:
            reasons[column.is_null().to_numpy(zero_copy_only=False)] = MISSING
    values = column.fill_null(np.nan).to_numpy(zero_copy_only=False)
    return np.asarray(values, np.float64), reasons


def _from_geometry(column: pa.Array) -> tuple[Floats, Floats, NDArray[np.uint8]]:
    if pa.types.is_struct(column.type):
        (x, x_reasons), (y, y_reasons) = _numbers(column.field("x")), _numbers(column.field("y"))
        reasons = np.maximum(x_reasons, y_reasons)
        reasons[column.is_null().to_numpy(zero_copy_only=False)] = MISSING
        return x.copy(), y.copy(), reasons
    if isinstance(column, pa.ExtensionArray):
        column = column.storage
    present = ~column.is_null().to_numpy(zero_copy_only=False)
    reasons = np.where(present, 0, MISSING).astype(np.uint8)
    x, y = np.full(len(column), np.nan), np.full(len(column), np.nan)
    wkb = column.drop_null().cast(pa.large_binary())
    packed = _packed_points(wkb)
    if packed is not None:
        x[present], y[present] = packed[:, 0], packed[:, 1]
    else:
        shapes = shapely.from_wkb(wkb.to_numpy(zero_copy_only=False), on_invalid="ignore")
        point = shapely.get_type_id(shapes) == shapely.GeometryType.POINT
        places = np.flatnonzero(present)
        reasons[places[~point]] = NOT_A_POINT
        empty = shapely.is_empty(shapes)
        reasons[places[point & empty]] = MISSING
        point &= ~empty
        x[places[point]], y[places[point]] = shapely.get_x(shapes[point]), shapely.get_y(shapes[point])
    reasons[(reasons == 0) & np.isnan(x) & np.isnan(y)] = MISSING  # how an empty point is packed
    return x, y, reasons


def _packed_points(wkb: pa.Array) -> Floats | None:
    """(n, 2) of rows that are all plain little-endian points; None when one is something else."""
    _, offset_buffer, data = wkb.buffers()
    if len(wkb) == 0 or data is None:
        return np.empty((0, 2)) if len(wkb) == 0 else None
    offsets = np.frombuffer(offset_buffer, np.int64)[wkb.offset : wkb.offset + len(wkb) + 1]
    if not (np.diff(offsets) == _PLAIN_POINT.itemsize).all():
        return None
    rows = np.frombuffer(data, np.uint8)[offsets[0] : offsets[-1]].view(_PLAIN_POINT)
    plain = (rows["order"] == 1) & (rows["type"] == 1)
    return np.asarray(rows["xy"], np.float64) if plain.all() else None
