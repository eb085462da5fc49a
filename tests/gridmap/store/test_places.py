"""Places and counts: chains up to the city, and sums that agree (law 5)."""

from __future__ import annotations

from collections import Counter

from sqlalchemy import text

from gridmap.model import ELEMENT_CLASSES
from gridmap.store import registry
from gridmap.store.city import read_city
from gridmap.store.counts import cells_of, elements_by_class, open_incidents
from gridmap.store.database import Connection
from gridmap.store.places import territory_chain


def some(connection: Connection, query: str) -> str:
    return str(connection.execute(text(query)).scalar_one())


def test_the_chain_of_a_cell_runs_up_to_the_city(connection: Connection) -> None:
    cell = some(connection, "SELECT min(code) FROM cell")
    community = some(connection, f"SELECT community FROM cell WHERE code = '{cell}'")
    chain = territory_chain(connection, "cell", cell)
    assert chain[:2] == (cell, community)
    assert chain[-2:] == ("120101", "120000")
    assert territory_chain(connection, "community", community) == chain[1:]


def test_an_overlay_is_the_business_of_what_it_touches(connection: Connection) -> None:
    overlay = some(connection, "SELECT min(code) FROM overlay")
    chain = territory_chain(connection, "overlay", overlay)
    assert chain[0] == overlay
    assert {"120101", "120000"} <= set(chain)


def test_no_place_has_no_chain(connection: Connection) -> None:
    cell = some(connection, "SELECT min(code) FROM cell")
    for level, code in (("cell", "120101"), ("community", cell), ("overlay", cell), ("district", "999999")):
        assert territory_chain(connection, level, code) == ()


def test_counts_of_cells_add_up_to_the_city(connection: Connection) -> None:
    city = read_city(connection)
    cells = registry.read_cells(connection, 1, city.lowest_level, area="120101001001")
    summed = Counter(dict.fromkeys(ELEMENT_CLASSES, 0))
    for cell in cells:
        summed.update(elements_by_class(connection, 1, cells_of(connection, 1, "cell", cell.code), "120101"))
    assert len(cells) > 1
    community = cells_of(connection, 1, "community", "120101001001")
    assert dict(summed) == elements_by_class(connection, 1, community, None)
    placed = text(
        "SELECT class, count(*) FROM element JOIN element_placement ON element_id = element.id "
        "WHERE cell_id IS NOT NULL GROUP BY class"
    )
    every = cells_of(connection, 1, "city", city.code)
    whole = elements_by_class(connection, 1, None, None)
    assert whole == elements_by_class(connection, 1, every, None)
    assert {name: count for name, count in whole.items() if count} == dict(map(tuple, connection.execute(placed)))
    opened = "SELECT count(*) FROM incident JOIN incident_placement ON incident_id = id WHERE closed_at IS NULL "
    incidents = open_incidents(connection, 1, None, None)
    assert incidents == open_incidents(connection, 1, every, None)
    assert str(incidents) == some(connection, f"{opened} AND cell_id IS NOT NULL")
    assert incidents > 0
    assert open_incidents(connection, 1, cells_of(connection, 1, "district", "120101"), "120101") == incidents


def test_pages_of_the_registry_add_up_to_the_whole(connection: Connection) -> None:
    lowest = read_city(connection).lowest_level
    whole = [cell.code for cell in registry.read_cells(connection, 1, lowest)]
    pages: list[str] = []
    while True:
        page = registry.read_cells(connection, 1, lowest, after=pages[-1] if pages else "", limit=100)
        if not page:
            break
        pages += [cell.code for cell in page]
    assert pages == whole == sorted(whole, key=str.encode)
    assert sum(registry.count_kinds(connection, 1).values()) == len(whole)


def test_the_registry_filters_by_place_kind_and_box(connection: Connection) -> None:
    lowest = read_city(connection).lowest_level
    special = registry.read_cells(connection, 1, lowest, kind="special")
    assert len(special) == registry.count_kinds(connection, 1)["special"]
    street = registry.read_areas(connection, 1, lowest, level="street")[0]
    assert len(registry.read_cells(connection, 1, lowest, area=street.code)) == street.cells
    box = "SELECT ST_XMin(geom), ST_YMin(geom), ST_XMax(geom), ST_YMax(geom) FROM cell WHERE code = :code"
    code = special[0].code if special else registry.read_cells(connection, 1, lowest)[0].code
    bbox = connection.execute(text(box), {"code": code}).one()
    assert code in {cell.code for cell in registry.read_cells(connection, 1, lowest, bbox=tuple(bbox))}
    assert registry.read_cells(connection, 1, lowest, bbox=(0.0, 0.0, 1.0, 1.0)) == []
