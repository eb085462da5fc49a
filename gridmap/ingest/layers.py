"""Polygons and lines from files: cells, areas, outlines, overlays, street lines. Imports ``shapes`` and below."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from gridmap import shapes
from gridmap.crs import Floats, to_wgs84
from gridmap.errors import GridMapError, LoadRefused
from gridmap.foreign_files import check_parquet, vector_source
from gridmap.ingest.description import Areas, Cells, Description, Layer, Value
from gridmap.model import CELL_KINDS, Area
from gridmap.shapes import Geometries

# Enough for any name on a wall; longer text is a wrong column.
LONGEST_TEXT = 200
# More than the largest city has of cells, outlines or street lines; they are held as a whole.
MAX_SHAPES = 10_000_000


@dataclass(frozen=True)
class CellRows:
    """The cells of a file, sorted by code: text columns and polygons in EPSG:4326."""

    codes: Sequence[str]
    names: Sequence[str]
    kinds: Sequence[str]
    services: Sequence[tuple[str, ...]]
    communities: Sequence[str]
    geometries: Geometries


@dataclass(frozen=True)
class Shapes:
    """Rows with geometry in EPSG:4326, and the columns that were asked for."""

    columns: pd.DataFrame
    geometries: Geometries


def read_layer(folder: Path, layer: Layer, **wanted: Value) -> Shapes:
    """Read a file's geometry, converted vertex by vertex, and the wanted columns under the given names.

    A file that states a crs must state the one described. LoadRefused when the file or a column is not there.
    """
    frame = _read_frame(folder, layer.file, layer.layer)
    if not isinstance(frame, gpd.GeoDataFrame):
        raise LoadRefused(f"{layer.file} holds no geometry")
    stated = None if frame.crs is None else frame.crs.to_epsg()
    described = {"wgs84": 4326, "cgcs2000": 4490}.get(layer.crs) or layer.crs
    if stated is not None and str(described).removeprefix("EPSG:") != str(stated):
        raise LoadRefused(f"{layer.file}: its own crs is EPSG:{stated}, the description says {layer.crs}")

    def convert(coordinates: Floats) -> Floats:
        return np.column_stack(to_wgs84(layer.crs, coordinates[:, 0], coordinates[:, 1], layer.operation))

    geometries = shapely.transform(shapely.force_2d(frame.geometry.to_numpy()), convert)
    beyond = np.abs(shapely.get_coordinates(geometries)) > (180.0, 90.0)
    if beyond.any():
        lon, lat = shapely.get_coordinates(geometries)[beyond.any(axis=1)][0]
        raise LoadRefused(f"{layer.file}: {lon:g} {lat:g} is no place on earth in {layer.crs}, order lon, lat")
    return Shapes(_columns(frame, layer.file, wanted), geometries)


def read_cells(folder: Path, cells: Cells) -> CellRows:
    """Read a partition. LoadRefused when codes repeat, a kind is unknown or the cells are not a coverage."""
    rows = read_layer(
        folder,
        cells,
        code=cells.code,
        name=cells.name,
        kind=cells.kind,
        services=cells.services,
        parent=cells.parent,
    )
    frame = rows.columns
    for name in ("code", "name", "kind", "parent"):
        frame[name] = _text(frame[name], f"{cells.file}: cells' {name}")
    repeated = frame["code"][frame["code"].duplicated()].unique()
    if len(repeated):
        raise LoadRefused(f"{cells.file}: cell codes stand more than once: {', '.join(repeated[:10])}")
    unknown = set(frame["kind"]) - set(CELL_KINDS)
    if unknown:
        raise LoadRefused(f"{cells.file}: unknown kinds {sorted(unknown)}; known are {', '.join(CELL_KINDS)}")
    order = np.array(sorted(range(len(frame)), key=lambda i: frame["code"].iloc[i].encode()), dtype=np.intp)
    frame = frame.iloc[order]
    codes = frame["code"].tolist()
    geometries = shapes.polygonal(rows.geometries[order], codes)
    shapes.check_coverage(geometries, codes, "the cells")
    return CellRows(
        codes=codes,
        names=frame["name"].tolist(),
        kinds=frame["kind"].tolist(),
        services=[_services(value) for value in frame["services"]],
        communities=frame["parent"].tolist(),
        geometries=geometries,
    )


def read_areas(folder: Path, description: Description) -> list[Area]:
    """The areas of all levels, the city first, each with its parent one level above.

    LoadRefused when one code stands for two things or a parent is missing or at the wrong level.
    """
    city = description.as_city()
    areas = {city.code: Area(city.code, city.levels[0], city.name, None)}
    for section in description.areas:
        for area in _section_areas(folder, section):
            known = areas.setdefault(area.code, area)
            if known != area and area.code != city.code:
                raise LoadRefused(f"{section.file}: area {area.code} stands for two things: {known} and {area}")
    for area in areas.values():
        if area.level not in city.levels:
            raise LoadRefused(f"area {area.code}: level {area.level!r} is not one of {', '.join(city.levels)}")
        above = city.levels.index(area.level) - 1
        parent = areas.get(area.parent or "")
        if above >= 0 and (parent is None or parent.level != city.levels[above]):
            raise LoadRefused(f"area {area.code}: its parent {area.parent!r} is not a known {city.levels[above]}")
    return list(areas.values())


def _section_areas(folder: Path, section: Areas) -> Iterator[Area]:
    frame = _read_frame(folder, section.file, section.layer, geometry=False)
    wanted = {"code": section.code, "level": section.level, "name": section.name, "parent": section.parent}
    rows = _columns(frame, section.file, wanted).drop_duplicates()
    for name in ("code", "level", "name"):
        rows[name] = _text(rows[name], f"{section.file}: areas' {name}")
    rows["parent"] = pd.Series(text_or_none(rows["parent"]), index=rows.index, dtype=object)
    for row in rows.itertuples(index=False):
        yield Area(row.code, row.level, row.name, row.parent)


def _read_frame(folder: Path, file: str, layer: str | None, *, geometry: bool = True) -> pd.DataFrame:
    path = folder / file
    if not path.is_file():
        raise LoadRefused(f"{path} is not there")
    try:
        if path.suffix == ".parquet":
            check_parquet(path, MAX_SHAPES)
            return gpd.read_parquet(path) if geometry else pd.read_parquet(path)
        if path.suffix == ".csv":
            return pd.read_csv(path, dtype=str, keep_default_na=False)
        frame: pd.DataFrame = gpd.read_file(vector_source(path), layer=layer, ignore_geometry=not geometry)
        return frame
    except GridMapError:
        raise
    except Exception as error:
        # Damaged files make the parsers fail in two dozen ways, some by an IndexError.
        raise LoadRefused(f"{path} cannot be read: {type(error).__name__}: {error}") from error


def _columns(frame: pd.DataFrame, file: str, wanted: dict[str, Value]) -> pd.DataFrame:
    columns = {}
    for name, source in wanted.items():
        if source.column is None:
            columns[name] = pd.Series([source.value] * len(frame), index=frame.index, dtype=object)
        elif source.column in frame.columns:
            columns[name] = frame[source.column]
        else:
            known = ", ".join(map(str, frame.columns))
            raise LoadRefused(f"{file} has no column {source.column!r}; it has {known}")
    return pd.DataFrame(columns)


def _text(values: pd.Series, what: str) -> pd.Series:
    text = values.astype(str)
    wrong = values.isna() | (text == "") | (text.str.len() > LONGEST_TEXT) | text.str.contains("\0", regex=False)
    if wrong.any():
        shown = [str(value)[:40] for value in values[wrong].head(5)]
        raise LoadRefused(f"{what} is missing, holds a NUL byte or is longer than {LONGEST_TEXT}: {shown}")
    return text


def _services(value: object) -> tuple[str, ...]:
    if value is None or (isinstance(value, float) and np.isnan(value)):
        return ()
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(";") if part.strip())
    if isinstance(value, list | tuple | np.ndarray):
        return tuple(str(part) for part in value)
    raise LoadRefused(f"services must be a list or text parted by ';', got {value!r}")


def text_or_none(values: pd.Series) -> list[str | None]:
    """Text, with None where nothing stands."""
    return [None if pd.isna(value) or value == "" else str(value) for value in values]


def dates_or_none(values: pd.Series) -> list[date | None]:
    """Dates from dates, times or ISO texts, with None where nothing stands."""
    moments = pd.to_datetime(values.replace("", None), errors="raise")
    return [None if pd.isna(moment) else moment.date() for moment in moments]
