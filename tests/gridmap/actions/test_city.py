"""Loading a city: all or nothing, and a refusal that names the thing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import geopandas as gpd
import pytest
import shapely
from sqlalchemy import text

from gridmap.access import OPERATOR
from gridmap.actions.city import CityReport, init_city, load_city
from gridmap.errors import LoadRefused, NotAllowed, RuleBroken
from gridmap.ingest.description import read_description
from gridmap.model import Actor
from gridmap.store.city import read_city
from gridmap.store.database import Database
from gridmap.store.revisions import read_current

# Sixteen squares in four communities of two districts, whose codes are neither in order nor of one length.
CITY = """
[city]
code = "t"
name = "Testburg"
levels = ["city", "district", "community"]
code_pattern = "{community}{sequence:03d}"
metric_crs = "EPSG:4548"
timezone = "Asia/Shanghai"
emergency = ["110"]
attribution = "made up"

[city.duty_desk]
title = "Desk"
phone = "022-00000001"

[revision]
valid_from = 2026-01-01T00:00:00+08:00

[cells]
file = "cells.gpkg"
crs = "EPSG:4326"
code = "code"
name = "code"
parent = "community"

[[areas]]
file = "areas.csv"
level = "level"
code = "code"
name = "name"
parent = "parent"

[posts]
file = "posts.csv"

[holders]
file = "holders.csv"

[shifts]
file = "shifts.csv"

[[elements]]
file = "elements.csv"
crs = "wgs84"
source = "register"
id = "id"
lon = "lon"
lat = "lat"
class = "class"
category = "category"
name = "name"
building = "building"

[buildings]
file = "buildings.csv"
crs = "wgs84"
id = "id"
lon = "lon"
lat = "lat"
households = "households"
"""

AREAS = "level,code,name,parent\n" + "".join(
    f"{row}\n"
    for row in (
        "district,A,Alpha,t",
        "district,b,Beta,t",
        "community,A1,One,A",
        "community,A2,Two,A",
        "community,b1,Three,b",
        "community,b2,Four,b",
    )
)
ELEMENTS = """id,lon,lat,class,category,name,building
e1,117.005,39.005,place,shop,A shop,
e2,117.015,39.005,person,resident,,B1
e3,117.015,39.005,person,resident,somebody,B1
e4,117.015,39.005,person,petitioner,,B1
e5,117.015,39.005,spirit,ghost,,
e6,118.5,39.005,object,lamp,,
e1,117.005,39.005,place,shop,,
e7,39.005,117.005,object,lamp,,
e8,117.01,39.01,object,lamp,On a corner,
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    squares = [
        (
            f"{community}{row}{column}",
            community,
            shapely.box(117 + x / 100, 39 + y / 100, 117 + (x + 1) / 100, 39 + (y + 1) / 100),
        )
        for column, x in enumerate(range(4))
        for row, y in enumerate(range(4))
        for community in [("A1", "A2", "b1", "b2")[x // 2 * 2 + y // 2]]
    ]
    frame = gpd.GeoDataFrame(squares, columns=["code", "community", "geometry"], crs="EPSG:4326")
    frame.to_file(tmp_path / "cells.gpkg")
    contents = {
        "CITY.toml": CITY,
        "areas.csv": AREAS,
        "posts.csv": "code,kind,title,level,territory,phone\np1,grid_worker,Worker,community,A1,022-00000002\n",
        "holders.csv": "code,display_name\nh1,H.\n",
        "shifts.csv": "post,holder,hours,valid_from\np1,h1,1-7 08:00-20:00,2026-01-01\n",
        "elements.csv": ELEMENTS,
        "buildings.csv": "id,lon,lat,households\n" + "B1,117,39,12\nB2,117,39,-3\nB3,117,39,1.5\n",
    }
    for name, content in contents.items():
        (tmp_path / name).write_text(content)
    return tmp_path


@pytest.fixture(scope="module")
def empty(make_database: Callable[[str], Database]) -> Database:
    return make_database("city")


@pytest.fixture
def database(empty: Database) -> Iterator[Database]:
    """An empty city's database, emptied again after the test."""
    yield empty
    with empty.begin(OPERATOR) as connection:
        kept = {"spatial_ref_sys", "alembic_version", "data_version", "geometry_columns", "geography_columns"}
        kept |= {"role_right", "forgotten_salt"}
        query = text("SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' "
                     "AND table_type = 'BASE TABLE'")  # fmt: skip
        names = [
            name
            for name in connection.execute(query).scalars()
            if name not in kept and not name.startswith("audit_")
        ]
        frozen = [name for name in names if name.startswith("release")]
        for name in frozen:  # a release is never changed, but by the tables' owner
            connection.execute(text(f"ALTER TABLE {name} DISABLE TRIGGER USER"))
        connection.execute(text(f"TRUNCATE {', '.join(names)} CASCADE"))
        for name in frozen:
            connection.execute(text(f"ALTER TABLE {name} ENABLE TRIGGER USER"))


def load(database: Database, folder: Path) -> CityReport:
    return load_city(database, OPERATOR, read_description(folder / "CITY.toml"), folder, lambda _: None)


def count(database: Database, table: str) -> int:
    with database.begin(OPERATOR) as connection:
        return int(connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())


def test_a_city_is_loaded_and_every_row_accounted_for(database: Database, folder: Path) -> None:
    report = load(database, folder)
    assert (report.city, report.revision, report.cells) == ("t", 1, 16)
    assert report.areas == {"city": 1, "district": 2, "community": 4}
    assert (report.posts, report.shifts, report.lines, report.outlines, report.overlays) == (
        2,
        1,
        None,
        None,
        None,
    )
    buildings, elements = report.points
    assert (buildings.counts.rows, buildings.counts.placed, buildings.counts.rejected) == (3, 1, 2)
    counts = elements.counts
    assert (counts.rows, counts.placed, counts.outside, counts.rejected) == (9, 3, 1, 5)
    assert elements.reasons == {
        "id: is a duplicate": 1,
        "lon, lat: out of range, and look swapped": 1,
        "name: a person has none here": 1,
        "category: a person's must be one of resident, elderly_living_alone, mobility_help, child": 1,
        "class: must be one of person, place, object, organization": 1,
    }
    with database.begin(OPERATOR) as connection:
        rows = text("SELECT line, columns ->> 'id' FROM rejected_row JOIN load ON load.id = load_id "
                    "WHERE what = 'elements' ORDER BY line")  # fmt: skip
        assert list(map(tuple, connection.execute(rows))) == [
            (4, "e3"),
            (5, "e4"),
            (6, "e5"),
            (8, "e1"),
            (9, "e7"),
        ]
        corner = text("SELECT how, code, top FROM element_placement JOIN cell ON cell.id = cell_id "
                      "JOIN element ON element.id = element_id WHERE external_id = 'e8'")  # fmt: skip
        assert tuple(connection.execute(corner).one()) == ("edge", "A100", "A")
    assert count(database, "area_shape") == 7
    assert count(database, "post") == 2, "the city's last desk is a post too"


def test_an_empty_city_is_started_then_filled(database: Database, folder: Path) -> None:
    description = read_description(folder / "CITY.toml")
    city = init_city(database, OPERATOR, description)
    with database.begin(OPERATOR) as connection:
        assert read_city(connection) == city
    assert count(database, "revision") == 0
    assert load(database, folder).cells == 16


def test_a_date_without_offset_is_city_time(database: Database, folder: Path) -> None:
    edit("CITY.toml", "2026-01-01T00:00:00+08:00", "2026-01-01T00:00:00")(folder)
    load(database, folder)
    with database.begin(OPERATOR) as connection:
        assert read_current(connection).valid_from == datetime(2025, 12, 31, 16, tzinfo=UTC)


def test_a_second_load_is_refused_and_changes_nothing(database: Database, folder: Path) -> None:
    load(database, folder)
    before = [count(database, table) for table in ("revision", "cell", "element", "load")]
    with pytest.raises(RuleBroken, match="the city t has a grid already"):
        load(database, folder)
    with pytest.raises(RuleBroken, match="has a grid already"):
        init_city(database, OPERATOR, read_description(folder / "CITY.toml"))
    assert [count(database, table) for table in ("revision", "cell", "element", "load")] == before


def test_another_city_or_other_settings_are_refused(database: Database, folder: Path) -> None:
    init_city(database, OPERATOR, read_description(folder / "CITY.toml"))
    for change in ('code = "t"', 'metric_crs = "EPSG:4548"'):
        other = {'code = "t"': 'code = "u"', 'metric_crs = "EPSG:4548"': 'metric_crs = "EPSG:4549"'}[change]
        (folder / "CITY.toml").write_text(CITY.replace(change, other, 1))
        (folder / "areas.csv").write_text(AREAS.replace(",t\n", ",u\n") if "u" in other else AREAS)
        with pytest.raises(RuleBroken, match="holds another city, or this one with other settings: t"):
            load(database, folder)


@pytest.mark.parametrize("role", ["public", "planner", "auditor", "publisher"])
def test_only_who_runs_the_system_loads_a_city(database: Database, folder: Path, role: str) -> None:
    actor = Actor("a", role, ("*",))
    description = read_description(folder / "CITY.toml")
    with pytest.raises(NotAllowed, match="start or load a city"):
        load_city(database, actor, description, folder, lambda _: None)
    with pytest.raises(NotAllowed, match="start or load a city"):
        init_city(database, actor, description)


def cells(
    folder: Path, change: Callable[[gpd.GeoDataFrame], gpd.GeoDataFrame], crs: str | None = "EPSG:4326"
) -> None:
    frame = change(gpd.read_file(folder / "cells.gpkg"))
    (folder / "cells.gpkg").unlink()
    frame.set_crs(crs, allow_override=True).to_file(folder / "cells.gpkg")


def put(column: str, row: int, value: object) -> Callable[[gpd.GeoDataFrame], gpd.GeoDataFrame]:
    def change(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
        frame.loc[row, column] = value
        return frame

    return change


def edit(file: str, old: str, new: str) -> Callable[[Path], object]:
    return lambda folder: (folder / file).write_text((folder / file).read_text().replace(old, new))


LINES = """
[[lines]]
file = "lines.gpkg"
crs = "EPSG:4326"
id = "id"
kind = "kind"
"""


def split_line(folder: Path) -> None:
    """A line of two parts, which is two lines."""
    parts = shapely.MultiLineString([[(117, 39), (117.01, 39)], [(117.02, 39), (117.03, 39)]])
    frame = gpd.GeoDataFrame([("L1", "street", parts)], columns=["id", "kind", "geometry"], crs="EPSG:4326")
    frame.to_file(folder / "lines.gpkg")
    with (folder / "CITY.toml").open("a") as file:
        file.write(LINES)


FAULTS: dict[str, tuple[Callable[[Path], object], str]] = {
    "a bad shift file": (edit("shifts.csv", "1-7 08:00-20:00", "whenever"), r"shifts\.csv, row 1: hours"),
    "a shift of nobody's post": (edit("shifts.csv", "p1,h1", "p9,h1"), "shifts name unknown posts: p9"),
    "a shift of nobody": (edit("shifts.csv", "p1,h1", "p1,h9"), "fk_shift_holder"),
    "a post twice": (lambda f: (f / "posts.csv").write_text((f / "posts.csv").read_text() * 2), r"row 2|p1"),
    "a post of no kind": (
        edit("posts.csv", "grid_worker", "informer"),
        r"posts\.csv, row 1: kind: must be one of",
    ),
    "a post of no level": (edit("posts.csv", ",community,", ",street,"), "posts stand at no known place: p1"),
    "a post of no place": (edit("posts.csv", ",A1,", ",A9,"), "posts stand at no known place: p1"),
    "a missing holder file": (lambda f: (f / "holders.csv").unlink(), "holders.csv"),
    "a missing cell file": (lambda f: (f / "cells.gpkg").unlink(), r"cells\.gpkg is not there"),
    "a cell file that is none": (lambda f: (f / "cells.gpkg").write_text("x"), r"cells\.gpkg: is no \.gpkg file"),
    "a missing point file": (lambda f: (f / "elements.csv").unlink(), r"elements\.csv is not there"),
    "a missing column": (
        edit("CITY.toml", 'parent = "community"', 'parent = "msoa"'),
        "no column 'msoa'; it has code",
    ),
    "an unknown key": (edit("CITY.toml", "[cells]", "[cells]\ncolour = 1"), r"cells\.colour"),
    "a missing key": (edit("CITY.toml", 'timezone = "Asia/Shanghai"\n', ""), r"city\.timezone"),
    "no crs": (edit("CITY.toml", 'crs = "EPSG:4326"\n', ""), r"cells\.crs"),
    "an unknown crs": (edit("CITY.toml", 'crs = "EPSG:4326"', 'crs = "local"'), "crs: must be one of"),
    "no time zone": (edit("CITY.toml", "Asia/Shanghai", "Asia/Nowhere"), "timezone"),
    "no TOML": (edit("CITY.toml", "[cells]", "[cells"), "is not TOML"),
    "no cells": (edit("CITY.toml", "[cells]", "[lines_]"), "lines_|cells"),
    "another crs than the file's": (
        lambda f: cells(f, lambda c: c, "EPSG:4490"),
        "EPSG:4490, the description says",
    ),
    "a cell in no community": (lambda f: cells(f, put("community", 3, "zz")), "unknown communitys?: zz"),
    "a community without a cell": (edit("areas.csv", "community,b2", "community,b3,Five,b\ncommunity,b2"), "b3"),
    "a district without a cell": (
        edit("areas.csv", "community,A1", "district,c,Gamma,t\ncommunity,A1"),
        "without a cell: c",
    ),
    "an area for two things": (
        edit("areas.csv", "district,b,", "district,A,Other,t\ndistrict,b,"),
        "A stands for two",
    ),
    "an area of no level": (edit("areas.csv", "district,b,", "borough,b,"), "level 'borough' is not one of"),
    "an orphan": (edit("areas.csv", ",Four,b", ",Four,zz"), "its parent 'zz' is not a known district"),
    "a code twice": (lambda f: cells(f, put("code", 3, "A100")), "cell codes stand more than once: A100"),
    "no code": (lambda f: cells(f, put("code", 3, "")), "cells' code is missing"),
    "no coverage": (
        lambda f: cells(f, put("geometry", 5, shapely.box(117.01, 39.01, 117.021, 39.02))),
        "not a coverage",
    ),
    "a missing cell": (lambda f: cells(f, lambda c: c.drop(5)), "leave 1 gaps"),
    "a point for a cell": (
        lambda f: cells(f, put("geometry", 5, shapely.Point(117, 39))),
        "not a polygon: A2|not a polygon",
    ),
    "a line of two parts": (split_line, "not a LineString, one a row: L1"),
    "swapped axes": (
        lambda f: cells(f, lambda c: c.set_geometry(shapely.transform(c.geometry.values, lambda p: p[:, ::-1]))),
        "no place on earth",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_named_and_nothing_is_left(database: Database, folder: Path, fault: str) -> None:
    spoil, said = FAULTS[fault]
    spoil(folder)
    with pytest.raises((LoadRefused, RuleBroken), match=said):
        load(database, folder)
    for table in ("city", "revision", "cell", "area", "element", "post", "load"):
        assert count(database, table) == 0, table
