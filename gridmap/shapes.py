"""Geometry: the only place where it is parsed, checked as a coverage and put into shape. Imports ``errors``."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from gridmap.errors import LoadRefused

Geometries = NDArray[np.object_]

# A coverage is checked in the stored crs; so many faults are named, then only counted.
SHOWN_FAULTS = 10


def polygonal(geometries: Geometries, names: Sequence[str]) -> Geometries:
    """Two-dimensional valid polygons or multipolygons, one per name; LoadRefused names the ones that are not."""
    flat: Geometries = shapely.force_2d(geometries)
    wrong = ~np.isin(shapely.get_type_id(flat), (3, 6)) | shapely.is_empty(flat)
    if wrong.any():
        raise LoadRefused(f"not a polygon: {_named(names, wrong)}")
    invalid = ~shapely.is_valid(flat)
    if invalid.any():
        reasons = shapely.is_valid_reason(flat[invalid])[:SHOWN_FAULTS]
        shown = "; ".join(
            f"{name} ({reason})" for name, reason in zip(_first(names, invalid), reasons, strict=True)
        )
        raise LoadRefused(f"{int(invalid.sum())} polygons are not valid: {shown}")
    return flat


def lines(geometries: Geometries, names: Sequence[str | None]) -> Geometries:
    """Two-dimensional lines, one per name; LoadRefused names the rows that are something else."""
    flat: Geometries = shapely.force_2d(geometries)
    wrong = (shapely.get_type_id(flat) != 1) | shapely.is_empty(flat)
    if wrong.any():
        raise LoadRefused(f"not a LineString, one a row: {_named(names, wrong)}")
    return flat


def check_coverage(geometries: Geometries, names: Sequence[str], what: str) -> None:
    """LoadRefused with the places where polygons overlap, leave gaps or do not share edges vertex by vertex."""
    faults = shapely.coverage_invalid_edges(geometries)
    wrong = ~shapely.is_empty(faults)
    if not wrong.any():
        _check_gaps(geometries, what)
        return
    places = []
    for name, fault in zip(_first(names, wrong), faults[wrong], strict=False):
        lon, lat = shapely.get_coordinates(fault)[0]
        places.append(f"{name} at {lon:.7f} {lat:.7f}")
    raise LoadRefused(
        f"{what} are not a coverage: {int(wrong.sum())} of them have faulty edges: {'; '.join(places)}"
    )


def _check_gaps(geometries: Geometries, what: str) -> None:
    """A gap that polygons close in has matching edges all around it, so only their union shows it, as a hole."""
    parts = shapely.get_parts(shapely.coverage_union_all(geometries))
    holes = [hole for part in parts for hole in part.interiors]
    if holes:
        places = [shapely.get_coordinates(hole)[0] for hole in holes[:SHOWN_FAULTS]]
        shown = "; ".join(f"at {lon:.7f} {lat:.7f}" for lon, lat in places)
        raise LoadRefused(f"{what} leave {len(holes)} gaps: {shown}")


def multi(geometry: BaseGeometry) -> BaseGeometry:
    """The same shape as a multipolygon."""
    return shapely.MultiPolygon([geometry]) if isinstance(geometry, shapely.Polygon) else geometry


def multis(geometries: Geometries) -> Geometries:
    """The same shapes, each as a multipolygon; LoadRefused when one is not polygonal."""
    flat = polygonal(geometries, [f"row {number}" for number in range(1, len(geometries) + 1)])
    result = np.empty(len(flat), object)
    result[:] = [multi(each) for each in flat]
    return result


def unions(geometries: Geometries, groups: NDArray[np.object_]) -> tuple[list[str], Geometries]:
    """Union of a coverage's polygons by group: sorted group names and one multipolygon each, vertices kept."""
    if not len(geometries):
        return [], np.empty(0, object)
    order = np.argsort(groups, kind="stable")
    names, starts = np.unique(groups[order], return_index=True)
    parts = np.split(geometries[order], starts[1:])
    merged = [multi(shapely.coverage_union_all(part)) for part in parts]
    result = np.empty(len(merged), object)
    result[:] = merged
    return [str(name) for name in names], result


def _first(names: Sequence[str | None], wrong: NDArray[np.bool_]) -> list[str]:
    return [str(names[int(i)]) for i in np.flatnonzero(wrong)[:SHOWN_FAULTS]]


def _named(names: Sequence[str | None], wrong: NDArray[np.bool_]) -> str:
    more = int(wrong.sum()) - SHOWN_FAULTS
    return ", ".join(_first(names, wrong)) + (f" and {more} more" if more > 0 else "")
