"""Bakes: complete, the server's own bytes, and after a redraw the same as one made from nothing."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
from pmtiles.reader import MmapSource, Reader, all_tiles
from pmtiles.tile import tileid_to_zxy

from gridmap.access import OPERATOR
from gridmap.actions.publish import publish
from gridmap.coverage.bands import moved_box
from gridmap.coverage.grid import Grid
from gridmap.errors import InvalidInput, NotFound, Unavailable
from gridmap.model import City
from gridmap.redraw.change import DrawnCell, GridChange
from gridmap.store.database import Database
from gridmap.store.redraws import read_redraws
from tests.gridmap.actions.test_publish import a_merge, a_split, a_transfer, grid_of
from tiles.address import BUFFER_UNITS, Address, Box, box_of, span_of
from tiles.archive import About, Archive, write_archive
from tiles.bake import BakeReport, bake
from tiles.baked import Bakes, path_of
from tiles.layers import layers_of
from tiles.render import render

ZOOMS = (6, 13)
ALL = ("city", "district", "street", "community", "cells", "labels", "overlays", "lines")


def quiet(_: str) -> None:
    """No progress in tests."""


def tiles_in(path: Path) -> dict[Address, bytes]:
    """All tiles of an archive, read by the format's own package."""
    with path.open("rb") as file:
        return {Address(*zxy): content for zxy, content in all_tiles(MmapSource(file))}


def baked(database: Database, folder: Path, **options: object) -> BakeReport:
    return bake(database, folder, [], ZOOMS, quiet, processes=2, **options)  # type: ignore[arg-type]


def test_every_tile_of_every_layer_is_in_it(heping: Database, city: City, whole: Box, tmp_path: Path) -> None:
    report = baked(heping, tmp_path)
    assert (report.revision, set(report.layers)) == (1, set(ALL))
    layers = layers_of(city)
    for name in ALL:
        path = path_of(tmp_path, 1, layers[name])
        found = tiles_in(path)
        assert len(found) == report.layers[name].tiles
        lowest = 9 if name == "lines" else max(6, layers[name].lowest_zoom)  # no motorway runs through Heping
        assert {address.z for address in found} == set(range(lowest, 14))
        with heping.begin(OPERATOR) as connection:
            expected = render(connection, city, layers[name], 1, list(span_of(whole, 13).addresses()))
        kept = {each: gzip.decompress(content) for each, content in found.items() if each in expected}
        assert kept == expected
        archive = Archive(path)
        assert all(archive.get(address) == content for address, content in found.items())
        assert archive.get(Address(14, 0, 0)) is None
        assert (archive.header["min_zoom"], archive.header["max_zoom"]) == (lowest, 13)
        assert archive.metadata["revision"] == 1
        assert "虚构" in archive.metadata["attribution"]
        assert archive.metadata["vector_layers"][0]["id"] == name
        with path.open("rb") as file:
            assert Reader(MmapSource(file)).header()["clustered"], "so that a host can serve runs of it"


def test_a_bake_in_another_system_is_the_servers_own_and_beside_the_other(
    heping: Database, city: City, whole: Box, tmp_path: Path
) -> None:
    layer = layers_of(city)["cells"]
    for crs in ("wgs84", "gcj02"):
        bake(heping, tmp_path, ["cells"], (12, 13), quiet, processes=2, crs=crs)
    path = path_of(tmp_path, 1, layer, "gcj02")
    assert path.name == "cells.gcj02.pmtiles"
    found = {each: gzip.decompress(content) for each, content in tiles_in(path).items()}
    addresses = list(span_of(moved_box("gcj02", whole), 13).addresses())
    with heping.begin(OPERATOR, one_state=True) as connection:
        expected = render(connection, city, layer, 1, addresses, "gcj02")
        redraws = read_redraws(connection)
    assert expected == {each: content for each, content in found.items() if each.z == 13}
    bakes, address = Bakes(tmp_path), next(iter(expected))
    kept = {crs: bakes.get(layer, address, redraws.mark_of(1), redraws, crs) for crs in ("wgs84", "gcj02")}
    assert gzip.decompress(kept["gcj02"] or b"") == expected[address]
    assert kept["wgs84"] != kept["gcj02"]
    assert bakes.get(layer, address, redraws.mark_of(1), redraws, "bd09") is None
    again = bake(heping, tmp_path, ["cells"], (12, 13), quiet, processes=2, crs="gcj02")
    assert again.layers["cells"].drawn == 0
    with pytest.raises(InvalidInput, match="tiles come in"):
        bake(heping, tmp_path, ["cells"], (12, 13), quiet, crs="cgcs2000")


def a_change_of_community(grid: Grid, rng: np.random.Generator, _: str) -> GridChange:
    """A cell goes over to the community next door as it is: both outlines change, and where their names stand."""
    shapes = grid.index.degrees
    while True:
        at = int(rng.integers(len(grid.cells)))
        cell = grid.cells[at]
        for other in shapely.STRtree(shapes).query(shapes[at], predicate="intersects"):
            community = grid.cells[other].community
            if community != cell.community and shapes[at].relate_pattern(shapes[other], "****1****"):
                drawn = DrawnCell(cell.name, cell.kind, community, cell.services, shapes[at])
                return GridChange(frozenset(), {cell.code: drawn})


LONG = (a_split, a_merge, a_transfer, a_change_of_community) * 4


@pytest.mark.parametrize("changes", [(a_split, a_change_of_community), pytest.param(LONG, marks=pytest.mark.soak)])
def test_after_redraws_a_bake_takes_over_what_stayed_and_equals_one_from_nothing(
    heping_copy: Database, city: City, tmp_path: Path, changes: tuple[Any, ...]
) -> None:
    baked(heping_copy, tmp_path / "kept")
    rng = np.random.default_rng(7)
    for number, make in enumerate(changes, 2):
        grid = grid_of(heping_copy)
        valid_from = grid.revision.valid_from + timedelta(days=1)
        publish(heping_copy, OPERATOR, number - 1, make(grid, rng, f"R{number}"), valid_from, "", quiet)
    last = len(changes) + 1
    again, nothing = baked(heping_copy, tmp_path / "kept"), baked(heping_copy, tmp_path / "new", anew=True)
    for name in ALL:
        layer = layers_of(city)[name]
        kept, fresh = (path_of(tmp_path / folder, last, layer) for folder in ("kept", "new"))
        assert kept.read_bytes() == fresh.read_bytes(), name
        assert nothing.layers[name].drawn >= nothing.layers[name].tiles
        assert again.layers[name].drawn < nothing.layers[name].drawn
        # and nothing outside the boxes of a redraw had changed: each is as the last revision draws it
        with heping_copy.begin(OPERATOR) as connection:
            for address, content in tiles_in(kept).items():
                drawn = render(connection, city, layer, last, [address])
                assert gzip.decompress(content) == drawn[address], (name, address)
    assert again.layers["overlays"].drawn == again.layers["lines"].drawn == 0
    assert baked(heping_copy, tmp_path / "kept").layers["cells"].drawn == 0, "all of it is there already"


def test_a_bake_speaks_for_the_tiles_that_no_redraw_touched(
    heping_copy: Database, city: City, whole: Box, tmp_path: Path
) -> None:
    bake(heping_copy, tmp_path, ["cells"], (13, 14), quiet, processes=1)
    grid = grid_of(heping_copy)
    change = a_split(grid, np.random.default_rng(3), "S")
    publish(heping_copy, OPERATOR, 1, change, grid.revision.valid_from + timedelta(days=1), "", quiet)
    redraws = grid_of(heping_copy).redraws
    layer, bakes = layers_of(city)["cells"], Bakes(tmp_path)
    here = [
        (address, redraws.mark_of(drawn_at), drawn_at)
        for address in span_of(whole, 14).addresses()
        for drawn_at in [redraws.drawn_at(2, _box(address))]
    ]
    assert {drawn_at for _, _, drawn_at in here} == {1, 2}
    for address, mark, drawn_at in here:
        found = bakes.get(layer, address, mark, redraws)
        assert (found is None) == (drawn_at == 2)
    assert bakes.get(layer, Address(15, 0, 0), here[0][1], redraws) is None, "not baked, so it is not known"
    assert bakes.get(layer, Address(14, 0, 0), redraws.mark_of(1), redraws) == b"", "baked, and nothing is there"


def _box(address: Address) -> Box:
    return box_of(address, BUFFER_UNITS)


def test_what_cannot_be_baked_is_said(heping: Database, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="no geometry layer 'nothing'"):
        bake(heping, tmp_path, ["nothing"], ZOOMS, quiet)
    with pytest.raises(NotFound, match="no revision 9"):
        bake(heping, tmp_path, ["cells"], ZOOMS, quiet, revision=9)
    with pytest.raises(InvalidInput, match="zooms"):
        bake(heping, tmp_path, ["cells"], (14, 6), quiet)
    told: list[str] = []
    assert bake(heping, tmp_path, ["cells"], (4, 6), told.append, processes=1).layers == {}
    assert told == ["cells: nothing is drawn at zooms 4 to 6"]


def test_an_archive_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    path, about = tmp_path / "1" / "cells.pmtiles", About((117.0, 39.0, 118.0, 40.0), {"name": "n"})

    def broken() -> Iterator[tuple[int, bytes]]:
        yield 5, b"tile"
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_archive(path, about, broken())
    with pytest.raises(NotFound, match="no tile to write"):
        write_archive(path, about, [])

    def refuse() -> None:
        raise Unavailable("changed meanwhile")

    with pytest.raises(Unavailable):
        write_archive(path, about, [(5, b"tile")], refuse)
    assert list(path.parent.iterdir()) == []
    assert write_archive(path, about, [(5, b"a"), (6, b"a"), (7, b"b"), (20, b"a")]) == 4
    assert path.stat().st_size < 400
    path.write_bytes(b"PMTiles\x03" + bytes(200))
    with pytest.raises(Unavailable, match="no archive of tiles"):
        Archive(path)


def test_an_archive_of_thousands_of_tiles_has_leaves(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    ids = np.sort(rng.choice(2_000_000, 60_000, replace=False)).tolist()
    path = tmp_path / "large.pmtiles"
    write_archive(path, About((0.0, 0.0, 1.0, 1.0), {}), ((each, b"%d" % each) for each in ids))
    archive = Archive(path)
    assert archive.header["leaf_directory_length"] > 0
    for each in ids[::997]:
        assert archive.get(Address(*tileid_to_zxy(each))) == b"%d" % each
    missing = sorted(set(range(0, 2_000_000, 49_999)) - set(ids))
    assert all(archive.get(Address(*tileid_to_zxy(each))) is None for each in missing)


def test_names_of_areas_that_move_are_in_the_boxes_of_the_redraw(
    heping_copy: Database, city: City, whole: Box
) -> None:
    rng = np.random.default_rng(5)
    for revision in (1, 2, 3, 4):
        grid = grid_of(heping_copy)
        change = a_change_of_community(grid, rng, "")
        valid_from = grid.revision.valid_from + timedelta(days=1)
        publish(heping_copy, OPERATOR, revision, change, valid_from, "", quiet)
    redraws, layer = grid_of(heping_copy).redraws, layers_of(city)["labels"]
    drawn_before = 0
    with heping_copy.begin(OPERATOR) as connection:
        now = render(connection, city, layer, 5, list(span_of(whole, 16).addresses()))
        for address in span_of(whole, 16).addresses():
            drawn_at = redraws.drawn_at(5, _box(address))
            drawn_before += drawn_at < 5
            then = render(connection, city, layer, drawn_at, [address])
            assert then.get(address) == now.get(address), address
    assert drawn_before > 60
