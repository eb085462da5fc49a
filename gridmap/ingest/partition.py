"""Files with a faulty partition: read, mended in a metric crs, written again with a list of every change.

A description is a TOML with ``[partition]``; see ``data/denver.toml``. Imports ``coverage`` and below.
"""

from __future__ import annotations

import csv
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import numpy as np
import shapely
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pyproj import CRS

from gridmap.coverage.mended_beside import Beside, beside
from gridmap.coverage.mending import GAP_WIDTH_M, Mended, Rules, mend
from gridmap.crs import check_name, from_wgs84, to_wgs84
from gridmap.errors import InvalidInput, LoadRefused
from gridmap.foreign_files import check_parquet, vector_source
from gridmap.ingest.layers import MAX_SHAPES
from gridmap.shapes import Geometries


class Enclave(BaseModel):
    """A hole that is rightly nobody's, by a point in it in WGS 84."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = ""
    lon: float = Field(ge=-180, le=180)
    lat: float = Field(ge=-90, le=90)


class Partition(BaseModel):
    """``[partition]``: the file, the column with each polygon's name, and how to mend."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    file: str
    layer: str | None = None
    name: str | None = None
    crs: str | None = None
    gap_width_m: float = Field(default=GAP_WIDTH_M, gt=0)
    outline: str | None = None
    enclaves: tuple[Enclave, ...] = ()


@dataclass(frozen=True)
class MendedFile:
    """The rows as they came, their names, the mended polygons in the frame's crs, and its unit in metres."""

    frame: gpd.GeoDataFrame
    names: Sequence[str]
    mended: Mended
    crs: str
    unit_m: float

    def write(self, path: Path) -> None:
        """Write all columns with the mended polygons, in the format of the suffix."""
        frame = self.frame.set_geometry(gpd.GeoSeries(self.mended.polygons, index=self.frame.index, crs=self.crs))
        if path.suffix == ".parquet":
            frame.to_parquet(path)
        else:
            frame.to_file(path)

    def report(self, path: Path) -> None:
        """Write every change as a row of a CSV."""
        with path.open("w", newline="", encoding="utf-8") as file:
            rows = csv.writer(file)
            rows.writerow(["kind", "area_m2", "width_m", "lon", "lat", "given_to", "taken_from"])
            for each in self.mended.changes:
                lon, lat = to_wgs84(self.crs, [each.place[0]], [each.place[1]])
                size = [f"{each.area_m2:.6f}", f"{each.width_m:.6f}", f"{lon[0]:.7f}", f"{lat[0]:.7f}"]
                rows.writerow([each.kind, *size, each.given_to or "", " ".join(each.taken_from)])

    def beside(self, path: Path, name: str) -> Beside:
        """Compare with another repair of the same polygons; InvalidInput when its names are others."""
        frame = _read(path, None).to_crs(self.crs)
        others = dict(zip(_names(frame, name, path), frame.geometry, strict=True))
        if set(others) != set(self.names):
            odd = sorted(set(others) ^ set(self.names))[:5]
            raise InvalidInput("compare", str(path), f"must have the same {name}s; differing: {', '.join(odd)}")
        ordered: Geometries = np.empty(len(self.names), object)
        ordered[:] = [others[each] for each in self.names]
        return beside(self.mended, ordered, self.names, self.unit_m)


def read_partition(path: Path) -> Partition:
    """The description in a TOML; LoadRefused names what is missing, unknown or of the wrong kind."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
        return Partition.model_validate(content["partition"])
    except OSError as error:
        raise LoadRefused(f"{path}: {error.strerror}") from error
    except KeyError:
        raise LoadRefused(f"{path}: has no [partition]") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise LoadRefused(f"{path} is not TOML in UTF-8: {error}") from error
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()[:10])
        raise LoadRefused(f"{path}: {faults}") from error


def mend_file(folder: Path, partition: Partition) -> MendedFile:
    """Read and mend a file's polygons; degrees are converted to ``crs``, which is in metres or feet."""
    frame = _read(folder / partition.file, partition.layer)
    crs = frame.crs if partition.crs is None else CRS(check_name(partition.crs))
    if crs is None or not crs.is_projected or crs.to_epsg() is None:
        rule = "must be a projected EPSG crs, of the file or given, so that sizes can be told"
        raise InvalidInput("crs", partition.crs or str(crs), rule)
    frame = frame.to_crs(crs) if frame.crs is not None else frame.set_crs(crs)
    name = f"EPSG:{crs.to_epsg()}"
    unit_m = float(crs.axis_info[0].unit_conversion_factor)
    outline = None
    if partition.outline is not None:
        outline = shapely.union_all(_read(folder / partition.outline, None).to_crs(crs).geometry.to_numpy())
    points = np.array([(each.lon, each.lat) for each in partition.enclaves], np.float64).reshape(-1, 2)
    x, y = from_wgs84(name, points[:, 0], points[:, 1])
    enclaves = tuple(zip(x.tolist(), y.tolist(), strict=True))
    rules = Rules(unit_m=unit_m, gap_width_m=partition.gap_width_m, outline=outline, enclaves=enclaves)
    names = _names(frame, partition.name, folder / partition.file)
    return MendedFile(frame, names, mend(frame.geometry.to_numpy(), names, rules), name, unit_m)


def _read(path: Path, layer: str | None) -> gpd.GeoDataFrame:
    if not path.is_file():
        raise LoadRefused(f"{path} is not there")
    try:
        if path.suffix == ".parquet":
            check_parquet(path, MAX_SHAPES)
            frame = gpd.read_parquet(path)
        else:
            frame = gpd.read_file(vector_source(path), layer=layer)
    except (ValueError, OSError, RuntimeError) as error:
        raise LoadRefused(f"{path} cannot be read: {error}") from error
    if not isinstance(frame, gpd.GeoDataFrame):
        raise LoadRefused(f"{path} holds no geometry")
    return frame


def _names(frame: gpd.GeoDataFrame, name: str | None, path: Path) -> list[str]:
    if name is None:
        return [str(number) for number in range(1, len(frame) + 1)]
    if name not in frame.columns:
        raise LoadRefused(f"{path} has no column {name!r}; it has {', '.join(map(str, frame.columns))}")
    return [str(each) for each in frame[name]]
