"""Loading files of points into a city: nothing lost, nothing doubled, and a second time nothing changed."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from sqlalchemy import text

from gridmap.access import OPERATOR
from gridmap.actions.points import LoadReport, load_points
from gridmap.actions.verify import verify_city
from gridmap.crs import from_wgs84
from gridmap.errors import DatabaseGone, LoadRefused, NotAllowed
from gridmap.ingest.description import read_mapping
from gridmap.model import Actor
from gridmap.store.city import read_city
from gridmap.store.database import Database
from gridmap.store.snapshot import read_grid
from gridmap.store.subjects import read_building_points

GRIDMAP = Path(sys.executable).with_name("gridmap")
ELEMENTS = """
[[elements]]
file = "things.csv"
crs = "wgs84"
source = "things"
id = "id"
lon = "lon"
lat = "lat"
class = { value = "object" }
category = "category"
name = "name"
"""
# In the cells 120101001001001 and …002 or wherever; and one far away.
HERE, THERE, AWAY = (117.1950, 39.1180), (117.2010, 39.1250), (118.5, 39.1)


def quiet(_: str) -> None:
    """No progress."""


def load(database: Database, folder: Path, mapping: str, actor: Actor = OPERATOR) -> LoadReport:
    return load_points(database, actor, read_mapping(folder / mapping).sections, folder, quiet)


def write(folder: Path, rows: list[tuple[object, ...]], file: str = "things.csv") -> None:
    (folder / "things.toml").write_text(ELEMENTS, encoding="utf-8")
    frame = pd.DataFrame(rows, columns=["id", "lon", "lat", "category", "name"])
    frame.to_csv(folder / file, index=False)


def one(database: Database, query: str) -> tuple[object, ...]:
    with database.begin(OPERATOR) as connection:
        return tuple(connection.execute(text(query)).one())


def test_every_fault_is_accounted_for_and_a_second_time_changes_nothing(
    heping_copy: Database, mix: Callable[..., Any], state: Callable[[Database], object]
) -> None:
    attack(heping_copy, mix(5_000), state)


@pytest.mark.soak
def test_a_million_mixed_rows(
    heping_copy: Database, mix: Callable[..., Any], state: Callable[[Database], object]
) -> None:
    attack(heping_copy, mix(1_000_000), state)


def attack(database: Database, mixed: Any, state: Callable[[Database], object]) -> None:
    first = load(database, mixed.folder, "mixed.toml").points[0]
    counts = first.counts
    assert counts.rows == mixed.rows == counts.placed + counts.outside + counts.rejected
    assert counts.rejected == mixed.rejected, first.reasons
    assert counts.outside >= mixed.faults["outside"]
    assert counts.duplicates == mixed.faults["duplicate"]
    assert counts.inserted == counts.placed + counts.outside
    kept = one(database, f"SELECT count(*) FROM rejected_row WHERE load_id = {first.load_id}")
    assert kept == (counts.rejected,)
    assert one(database, "SELECT count(*) FROM incident WHERE source = 'mixed'") == (counts.inserted,)
    before = state(database)
    again = load(database, mixed.folder, "mixed.toml").points[0]
    assert (again.counts.inserted, again.counts.updated) == (0, 0)
    assert again.counts.unchanged == counts.inserted
    assert again.reasons == first.reasons
    assert state(database) == before
    assert verify_city(database, OPERATOR, quiet).faults == []


def test_a_changed_row_is_updated_and_a_moved_one_placed_anew(heping_copy: Database, tmp_path: Path) -> None:
    write(
        tmp_path,
        [
            ("a", *HERE, "street_lamp", "A"),
            ("b", *HERE, "street_lamp", "B"),
            ("c", *AWAY, "street_lamp", ""),
            ("d", *HERE, "street_lamp", "D"),
        ],
    )
    counts = load(heping_copy, tmp_path, "things.toml").points[0].counts
    assert (counts.inserted, counts.placed, counts.outside) == (4, 3, 1)
    place = (
        "SELECT cell.code FROM element JOIN element_placement ON element_id = element.id "
        "LEFT JOIN cell ON cell.id = cell_id WHERE last_revision IS NULL AND source = 'things' AND external_id = "
    )
    (was,) = one(heping_copy, f"{place} 'b'")
    write(
        tmp_path,
        [
            ("a", *HERE, "street_lamp", "A2"),
            ("b", *THERE, "street_lamp", "B"),
            ("c", *HERE, "street_lamp", ""),
            ("d", *HERE, "street_lamp", "D"),
        ],
    )
    counts = load(heping_copy, tmp_path, "things.toml").points[0].counts
    assert (counts.inserted, counts.updated, counts.moved, counts.unchanged) == (0, 3, 2, 1)
    assert one(heping_copy, "SELECT name FROM element WHERE source = 'things' AND external_id = 'a'") == ("A2",)
    assert one(heping_copy, f"{place} 'b'") not in [(was,), (None,)]
    assert one(heping_copy, f"{place} 'c'") == (was,)
    assert verify_city(heping_copy, OPERATOR, quiet).faults == []


def test_what_moves_after_a_publish_keeps_where_it_was_before(heping_copy: Database, tmp_path: Path) -> None:
    write(tmp_path, [("a", *HERE, "street_lamp", "A")])
    load(heping_copy, tmp_path, "things.toml")
    with heping_copy.begin(OPERATOR) as connection:
        connection.execute(text("INSERT INTO revision (number, valid_from, actor) VALUES (2, now(), 'x')"))
    write(tmp_path, [("a", *THERE, "street_lamp", "A")])
    assert load(heping_copy, tmp_path, "things.toml").revision == 2
    query = (
        "SELECT array_agg(first_revision || '-' || coalesce(last_revision::text, '') ORDER BY first_revision), "
        "count(DISTINCT cell_id) FROM element JOIN element_placement ON element_id = id WHERE source = 'things'"
    )
    assert one(heping_copy, query) == (["1-1", "2-"], 2)


def test_a_building_is_updated_with_its_details(heping_copy: Database, tmp_path: Path) -> None:
    mapping = (
        '[[buildings]]\nfile = "b.csv"\ncrs = "wgs84"\nsource = "b"\nid = "id"\nlon = "lon"\nlat = "lat"\n'
        'street = "street"\nhouseholds = "households"\ncounted_on = "day"\n'
    )
    (tmp_path / "b.toml").write_text(mapping, encoding="utf-8")
    for households, wanted in ((10, (1, 0, 0)), (12, (0, 1, 0)), (12, (0, 0, 1))):
        lines = f"id,lon,lat,street,households,day\n1,{HERE[0]},{HERE[1]},云岗路,{households},2026-01-01\n"
        (tmp_path / "b.csv").write_text(lines, encoding="utf-8")
        counts = load(heping_copy, tmp_path, "b.toml").points[0].counts
        assert (counts.inserted, counts.updated, counts.unchanged) == wanted
        kept = (
            "SELECT households, counted_on::text FROM building JOIN element ON id = element_id WHERE source = 'b'"
        )
        assert one(heping_copy, kept) == (households, "2026-01-01")


def test_a_duplicate_names_the_first_line_also_of_another_file(heping_copy: Database, tmp_path: Path) -> None:
    (tmp_path / "things.toml").write_text(ELEMENTS.replace("things.csv", "things*.csv"), encoding="utf-8")
    for file, rows in (("things1.csv", ["x", "y"]), ("things2.csv", ["z", "y"])):
        frame = pd.DataFrame(
            [(each, *HERE, "street_lamp", each) for each in rows], columns=["id", "lon", "lat", "category", "name"]
        )
        frame.to_csv(tmp_path / file, index=False)
    report = load(heping_copy, tmp_path, "things.toml").points[0]
    assert (report.counts.placed, report.counts.duplicates) == (3, 1)
    query = f"SELECT file, line, reason, columns ->> 'id' FROM rejected_row WHERE load_id = {report.load_id}"
    assert one(heping_copy, query) == (
        "things2.csv",
        3,
        "id: is a duplicate, got 'y' as in line 3 of things1.csv",
        "y",
    )


def test_the_repaired_file_places_what_was_rejected(heping_copy: Database, tmp_path: Path) -> None:
    write(
        tmp_path,
        [("a", *HERE, "street_lamp", "A"), ("b", "nowhere", 39.1, "street_lamp", "B"), ("c", *HERE, "", "C")],
    )
    counts = load(heping_copy, tmp_path, "things.toml").points[0].counts
    assert (counts.inserted, counts.rejected) == (1, 2)
    write(
        tmp_path,
        [("a", *HERE, "street_lamp", "A"), ("b", *HERE, "street_lamp", "B"), ("c", *HERE, "street_lamp", "C")],
    )
    counts = load(heping_copy, tmp_path, "things.toml").points[0].counts
    assert (counts.inserted, counts.unchanged, counts.rejected) == (2, 1, 0)


def test_what_the_city_does_not_declare_is_rejected(heping_copy: Database, tmp_path: Path) -> None:
    write(tmp_path, [("a", *HERE, "street_lamp", "A"), ("b", *HERE, "spaceport", "B"), ("c", *HERE, "shop", "C")])
    report = load(heping_copy, tmp_path, "things.toml").points[0]
    assert report.counts.placed == 1
    assert any(reason.startswith("category: must be one of the city's") for reason in report.reasons)
    assert "category: is one of another class" in report.reasons
    with heping_copy.begin(OPERATOR) as connection:
        connection.execute(text("DELETE FROM category WHERE what = 'element'"))
    report = load(heping_copy, tmp_path, "things.toml").points[0]
    assert (report.counts.placed, len(report.warnings)) == (3, 1)


def test_nobody_writes_outside_their_territories(heping_copy: Database, tmp_path: Path) -> None:
    codes = (
        "SELECT cell.code FROM element_placement JOIN cell ON cell.id = cell_id "
        "JOIN element ON element.id = element_id"
    )
    write(
        tmp_path,
        [("a", *HERE, "street_lamp", "A"), ("b", *THERE, "street_lamp", "B"), ("c", *AWAY, "street_lamp", "C")],
    )
    load(heping_copy, tmp_path, "things.toml")
    cells = {
        name: one(heping_copy, f"{codes} WHERE source = 'things' AND external_id = '{name}'")[0] for name in "ab"
    }
    mine = Actor("m", "caseworker", (str(cells["a"]),))
    assert cells["a"] != cells["b"]
    write(
        tmp_path,
        [
            ("a", *HERE, "street_lamp", "A2"),
            ("b", *HERE, "street_lamp", "B"),
            ("c", *AWAY, "street_lamp", "C"),
            ("d", *THERE, "street_lamp", "D"),
        ],
    )
    report = load(heping_copy, tmp_path, "things.toml", mine).points[0]
    assert (report.counts.updated, report.counts.rejected) == (1, 3)
    rows = f"SELECT array_agg(reason ORDER BY line) FROM rejected_row WHERE load_id = {report.load_id}"
    (reasons,) = one(heping_copy, rows)
    assert reasons[0] == "id: is one that stands outside your territories", "where it stands is not said"
    assert [str(cells["b"]) in reason or "outside the city" in reason for reason in reasons[1:]] == [True] * 2
    with pytest.raises(NotAllowed):
        load(heping_copy, tmp_path, "things.toml", Actor("v", "viewer", ("120000",)))


def test_a_second_load_of_a_source_waits_and_then_finds_all_unchanged(
    heping_copy: Database, mix: Callable[..., Any]
) -> None:
    mixed = mix(3_000)
    said: list[str] = []
    reports: list[LoadReport] = []

    def run() -> None:
        folder = mixed.folder
        reports.append(
            load_points(heping_copy, OPERATOR, read_mapping(folder / "mixed.toml").sections, folder, said.append)
        )

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum("another load of the source 'mixed' is under way" in line for line in said) == 1
    inserted = sorted(report.points[0].counts.inserted for report in reports)
    unchanged = sorted(report.points[0].counts.unchanged for report in reports)
    assert inserted == unchanged
    assert (inserted[0], inserted[1] > 2_000) == (0, True)


def test_a_publish_waits_for_a_load(heping_copy: Database, tmp_path: Path) -> None:
    write(tmp_path, [("a", *HERE, "street_lamp", "A")])
    said: list[str] = []

    def publish_meanwhile(line: str) -> None:
        said.append(line)
        if line == "committing":
            with heping_copy.engine.begin() as connection:
                connection.execute(text("SET LOCAL lock_timeout = '50ms'"))
                with pytest.raises(Exception, match="lock timeout"):
                    connection.execute(
                        text("INSERT INTO revision (number, valid_from, actor) VALUES (2, now(), 'x')")
                    )
                connection.rollback()

    load_points(
        heping_copy, OPERATOR, read_mapping(tmp_path / "things.toml").sections, tmp_path, publish_meanwhile
    )
    assert "committing" in said


def test_the_database_gone_in_the_middle_leaves_nothing(heping_copy: Database, mix: Callable[..., Any]) -> None:
    mixed = mix(3_000)

    def terminate(line: str) -> None:
        if "rows read" in line:
            query = (
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() "
                "AND pid <> pg_backend_pid() AND state = 'idle in transaction'"
            )
            with heping_copy.engine.begin() as connection:
                assert connection.execute(text(query)).all()

    folder = mixed.folder
    with pytest.raises(DatabaseGone):
        load_points(heping_copy, OPERATOR, read_mapping(folder / "mixed.toml").sections, folder, terminate)
    assert one(heping_copy, "SELECT count(*) FROM incident WHERE source = 'mixed'") == (0,)
    assert one(heping_copy, "SELECT count(*) FROM load WHERE source = 'mixed'") == (0,)
    assert load(heping_copy, folder, "mixed.toml").points[0].counts.inserted > 2_000


def killed(database: Database, mapping: Path, line: str, delay_s: float) -> None:
    """Run the command and kill it some time after it has said something; it may have ended by then."""
    url = database.url.render_as_string(hide_password=False)
    application = database.url.set(username="gridmap_app").render_as_string(hide_password=False)
    environment = {**os.environ, "GRIDMAP_DATABASE_URL": application, "GRIDMAP_OWNER_DATABASE_URL": url}
    command = [str(GRIDMAP), "load", str(mapping)]
    with subprocess.Popen(
        command, env=environment, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stderr is not None
        for said in process.stderr:
            if line in said:
                break
        threading.Event().wait(delay_s)
        process.kill()


def kills(database: Database, mixed: Any, times: int) -> None:
    draw = random.Random(7)
    mapping = mixed.mapping
    for number in range(times):
        killed(
            database,
            mapping,
            ("rows read", "committing")[number % 2],
            draw.uniform(0, 0.02 if number % 2 else 0.3),
        )
        rows = one(database, "SELECT count(*), count(DISTINCT external_id) FROM incident WHERE source = 'mixed'")
        loads = one(database, "SELECT count(*) FROM load WHERE source = 'mixed'")
        assert rows[0] == rows[1]
        assert (rows[0] == 0) == (loads[0] == 0), "half of a load is there"
    counts = load(database, mixed.folder, "mixed.toml").points[0].counts
    there = one(database, "SELECT count(*), count(DISTINCT external_id) FROM incident WHERE source = 'mixed'")
    assert there == (counts.placed + counts.outside,) * 2
    assert counts.rejected == mixed.rejected
    placements = "SELECT count(*) FROM incident_placement JOIN incident ON id = incident_id WHERE source = 'mixed'"
    assert one(database, placements) == (there[0],)
    assert verify_city(database, OPERATOR, quiet).faults == []


def test_killed_and_loaded_again_nothing_is_lost_or_doubled(
    heping_copy: Database, mix: Callable[..., Any]
) -> None:
    kills(heping_copy, mix(20_000, files=4), 1)


@pytest.mark.soak
def test_killed_many_times(heping_copy: Database, mix: Callable[..., Any]) -> None:
    kills(heping_copy, mix(300_000, files=4), 14)


def buildings_as(database: Database, folder: Path, crs: str, called: str) -> None:
    """The stored buildings' places as incidents in one crs, called by another's name."""
    with database.begin(OPERATOR) as connection:
        lon, lat = read_building_points(connection)
    x, y = from_wgs84(crs, lon, lat)
    frame = pd.DataFrame({"id": range(len(x)), "lon": x, "lat": y})
    frame.to_csv(folder / "calls.csv", index=False)
    (folder / "calls.toml").write_text(
        f'[[incidents]]\nfile = "calls.csv"\nsource = "calls"\ncrs = "{called}"\nid = "id"\nlon = "lon"\n'
        'lat = "lat"\ncategory = { value = "noise" }\nhappened_at = { value = "2026-05-01T00:00:00Z" }\n',
        encoding="utf-8",
    )


@pytest.mark.parametrize("crs", ["gcj02", pytest.param("bd09", marks=pytest.mark.soak)])
def test_a_wrong_crs_stops_the_load_and_the_right_one_gives_the_right_cells(
    heping_copy: Database, tmp_path: Path, crs: str
) -> None:
    buildings_as(heping_copy, tmp_path, crs, "wgs84")
    with pytest.raises(LoadRefused, match=crs):
        load(heping_copy, tmp_path, "calls.toml")
    assert one(heping_copy, "SELECT count(*) FROM load WHERE source = 'calls'") == (0,)
    buildings_as(heping_copy, tmp_path, crs, crs)
    report = load(heping_copy, tmp_path, "calls.toml").points[0]
    assert report.crs is not None
    assert report.crs.judgement == "ok"
    other_cells = (
        "SELECT count(*) FROM incident JOIN incident_placement ON id = incident_id "
        "JOIN (SELECT row_number() OVER () - 1 AS row, element_placement.* FROM building "
        "JOIN element ON element.id = building.element_id JOIN element_placement USING (element_id)) AS stood "
        "ON stood.row = external_id::integer "
        "WHERE source = 'calls' AND stood.edge_distance_m > 0.01 AND stood.cell_id <> incident_placement.cell_id"
    )
    assert report.counts.placed > 1_000
    assert one(heping_copy, other_cells) == (0,)


@pytest.mark.parametrize(("called", "judgement"), [("gcj02", "ok"), ("wgs84", "stop")])
def test_addresses_that_rows_state_tell_the_crs(
    heping_copy: Database, tmp_path: Path, called: str, judgement: str
) -> None:
    """A city may have no buildings to compare with: then addresses alone speak."""
    with heping_copy.begin(OPERATOR) as connection:
        rows = connection.execute(
            text(
                "SELECT '天津市和平区' || text, ST_X(geom), ST_Y(geom) FROM address "
                "WHERE kind = 'number' LIMIT 3000"
            )
        ).all()
        connection.execute(text("DELETE FROM building"))
    addresses, lon, lat = zip(*rows, strict=True)
    x, y = from_wgs84("gcj02", np.array(lon), np.array(lat))
    frame = pd.DataFrame(
        {"id": range(len(x)), "lon": x, "lat": y, "地址": addresses, "category": "street_lamp", "name": ""}
    )
    frame.to_csv(tmp_path / "things.csv", index=False)
    mapping = ELEMENTS.replace('"wgs84"', f'"{called}"') + 'stated_address = "地址"\n'
    (tmp_path / "things.toml").write_text(mapping, encoding="utf-8")
    sections = read_mapping(tmp_path / "things.toml").sections
    report = load_points(heping_copy, OPERATOR, sections, tmp_path, quiet, trust_crs=True).points[0]
    assert report.crs is not None
    assert report.crs.judgement == judgement
    agrees = {each.name: each.agrees for each in report.crs.evidence}
    assert agrees[called] == pytest.approx(1.0 if called == "gcj02" else 0.0, abs=0.05)
    if judgement == "stop":
        assert agrees["gcj02"] == pytest.approx(1.0, abs=0.05)


def test_a_wrong_crs_may_be_trusted_and_the_evidence_is_kept(heping_copy: Database, tmp_path: Path) -> None:
    buildings_as(heping_copy, tmp_path, "gcj02", "wgs84")
    sections = read_mapping(tmp_path / "calls.toml").sections
    report = load_points(heping_copy, OPERATOR, sections, tmp_path, quiet, trust_crs=True).points[0]
    assert report.counts.changed > 1_000
    assert report.crs is not None
    assert report.crs.judgement == "stop"
    assert any("gcj02" in warning for warning in report.warnings)


def test_a_line_has_its_home_where_most_of_it_lies_and_its_shares_follow_it(
    heping_copy: Database, tmp_path: Path
) -> None:
    with heping_copy.begin(OPERATOR) as connection:
        grid = read_grid(connection, read_city(connection))
    cells = grid.index.degrees
    big = int(np.argmax(shapely.area(cells)))
    inside = shapely.point_on_surface(cells[big])
    away = shapely.point_on_surface(cells[(big + 40) % len(cells)])

    def write_line(line: shapely.LineString) -> None:
        frame = gpd.GeoDataFrame({"id": ["l1"]}, geometry=[line], crs=4326)
        frame.to_file(tmp_path / "lines.gpkg")

    (tmp_path / "lines.toml").write_text(
        '[[elements]]\nfile = "lines.gpkg"\nsource = "lines"\ncrs = "wgs84"\nid = "id"\n'
        'class = { value = "object" }\ncategory = { value = "bench" }\n',
        encoding="utf-8",
    )
    stored = "SELECT cell_id, share FROM element_share JOIN element ON id = element_id WHERE source = 'lines'"
    home = "SELECT cell_id FROM element_placement JOIN element ON id = element_id WHERE source = 'lines'"
    write_line(shapely.LineString([inside, away]))
    assert load(heping_copy, tmp_path, "lines.toml").points[0].counts.inserted == 1
    with heping_copy.begin(OPERATOR) as connection:
        shares = dict(map(tuple, connection.execute(text(stored)).all()))
    assert sum(shares.values()) == pytest.approx(1.0)
    assert len(shares) > 2
    assert shares[one(heping_copy, home)[0]] == max(shares.values())
    assert load(heping_copy, tmp_path, "lines.toml").points[0].counts.unchanged == 1
    small = shapely.LineString([inside, shapely.Point(inside.x + 1e-6, inside.y)])
    write_line(small)
    assert load(heping_copy, tmp_path, "lines.toml").points[0].counts.updated == 1
    assert one(heping_copy, stored) == (grid.cells[big].id, 1.0)
    assert verify_city(heping_copy, OPERATOR, quiet).faults == []


def test_a_place_that_is_loaded_can_be_found_by_its_name(heping_copy: Database, tmp_path: Path) -> None:
    write(tmp_path, [("k1", *HERE, "school", "望海楼小学（试）")])
    things = ELEMENTS.replace('"object"', '"place"')
    (tmp_path / "things.toml").write_text(things, encoding="utf-8")
    named = "SELECT count(*) FROM address WHERE kind = 'landmark' AND text = '望海楼小学（试）'"
    assert one(heping_copy, named) == (0,)
    assert load(heping_copy, tmp_path, "things.toml").points[0].counts.inserted == 1
    assert one(heping_copy, named) == (1,)
