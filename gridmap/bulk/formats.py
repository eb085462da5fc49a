"""Which formats there are, by a file's suffix, and what each cannot hold. Imports ``errors`` only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gridmap.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class Format:
    """One format. ``driver`` is GDAL's name for it, None for what GDAL is not asked for.

    ``has_geometry``: a row is a feature with a point; else the columns alone are written.
    """

    name: str
    suffixes: tuple[str, ...]
    driver: str | None = None

    @property
    def has_geometry(self) -> bool:
        """Whether GDAL writes it, as features."""
        return self.driver is not None


PARQUET = Format("Parquet", (".parquet", ".geoparquet", ".pq"))
CSV = Format("CSV", (".csv", ".tsv", ".txt"))
EXCEL = Format("Excel", (".xlsx",))
GEOPACKAGE = Format("GeoPackage", (".gpkg",), "GPKG")
SHAPEFILE = Format("Shapefile", (".shp",), "ESRI Shapefile")
GEOJSON = Format("GeoJSON", (".geojson", ".json"), "GeoJSON")
FLATGEOBUF = Format("FlatGeobuf", (".fgb",), "FlatGeobuf")
FORMATS = (PARQUET, CSV, GEOPACKAGE, SHAPEFILE, GEOJSON, FLATGEOBUF, EXCEL)

_BY_SUFFIX = {suffix: one for one in FORMATS for suffix in one.suffixes}


def format_of(path: Path) -> Format:
    """The format that the suffix names; InvalidInput for another one."""
    found = _BY_SUFFIX.get(path.suffix.lower())
    if found is None:
        raise InvalidInput("file", path.name, f"must end in one of {', '.join(_BY_SUFFIX)}")
    return found


def check_output(inputs: Sequence[Path], output: Path) -> None:
    """InvalidInput when the output would replace one of the inputs."""
    for path in inputs:
        if path.resolve() == output.resolve():
            raise InvalidInput("output", str(output), "must not be one of the files that are read")
