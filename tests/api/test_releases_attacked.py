"""The adversary of ``tests/gridmap/releases`` on Heping: he asks the service for all that it says of months."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text

from gridmap.access import OPERATOR
from gridmap.actions.releases import make_release
from gridmap.releases.periods import Month
from gridmap.releases.suppression import HIDDEN, Table
from gridmap.releases.tree import Longs, Tree
from gridmap.store.city import read_city
from gridmap.store.releases import read_tree
from tests.api.test_count_tiles import features
from tests.gridmap.releases.attack import (
    Notebook,
    residuals,
    territories,
    without_complement,
    without_suppression,
    write_down,
)

NOW = datetime(2026, 11, 2, tzinfo=UTC)
MONTHS = ("2026-09", "2026-10")
BY = [*((level, None) for level in ("city", "district", "street", "community", "cell"))] + [
    ("hex", resolution) for resolution in (6, 7, 8, 9)
]
BOXES = ["117.17,39.09,117.20,39.13", "117.19,39.11,117.21,39.12", "117.195,39.10,117.196,39.14"]


@pytest.fixture(scope="module")
def asked(serve: Callable[..., Any], make_copy: Callable[..., Any]) -> Iterator[TestClient]:
    """A client of a copy of Heping with two releases."""
    with make_copy("heping_asked") as database:
        for month in MONTHS:
            make_release(database, OPERATOR, Month.parse(month), NOW, lambda _: None)
        with serve(database) as running:
            yield running


@pytest.fixture(scope="module")
def tree(asked: TestClient) -> Tree:
    with asked.app.state.service.database.begin(OPERATOR) as connection:  # type: ignore[attr-defined]
        return read_tree(connection, 1, read_city(connection).levels)


def rows_of(client: TestClient, month: str, **query: object) -> list[tuple[str, int | None]]:
    given = {name: value for name, value in query.items() if value is not None}
    found = client.get(f"/v1/releases/{month}", params=given).json()["rows"]
    return [(row.get("code") or row["hex"], row["count"]) for row in found]


def write_down_all(client: TestClient, tree: Tree, smallest: int, of: str, category: str | None) -> Notebook:
    """All of both months: by level and hex, in boxes, and their sums; October's cells follow September's."""
    cells, places = len(tree.codes[-1]), territories(tree)
    notebook = Notebook(len(MONTHS) * cells)
    for by, resolution in BY:
        name = by if resolution is None else f"hex{resolution}"
        for bbox in (None, *BOXES):
            query = {"of": of, "category": category, "by": by, "resolution": resolution, "bbox": bbox}
            for number, month in enumerate(MONTHS):
                for code, count in rows_of(client, month, **query):
                    if count is not None:
                        notebook.note(places[name, code] + number * cells, count)
            for code, count in rows_of(client, MONTHS[-1], since=MONTHS[0], **query):
                if count is not None:
                    both = [places[name, code] + number * cells for number in range(len(MONTHS))]
                    notebook.note(np.concatenate(both), count)
    for number, month in enumerate(MONTHS):
        for place, count in drawn(client, month, of, category):
            notebook.note(places[place] + number * cells, count)
    for number, month in enumerate(MONTHS):
        write_down(notebook, tree, shown_table(client, tree, month, of, category), smallest, number * cells)
    return notebook


def drawn(client: TestClient, month: str, of: str, category: str | None) -> Iterator[tuple[tuple[str, str], int]]:
    """What maps of a month show: shapes and tiles of counts, by the same places."""
    asked: dict[str, Any] = {"of": of, "period": month} if of == "incidents" else {"of": "elements", "class": of}
    if category is not None:
        asked["category"] = category
    for by, resolution in BY:
        name = by if resolution is None else f"hex{resolution}"
        grouped: dict[str, Any] = {"by": by, "zeros": True} if resolution is None else {"resolution": resolution}
        shapes = client.get("/v1/heatmap", params={**asked, **grouped, "f": "geojson"}).json()["features"]
        yield from (((name, each["id"]), each["properties"]["count"]) for each in shapes)
        key = "code" if resolution is None else "hex"
        layers = ["counts"] if resolution is None else ["hexes", "incidents"] if of == "incidents" else ["hexes"]
        grouped.pop("zeros", None)
        for layer in layers:
            for feature in features(client, layer, 13, **asked, **grouped).values():
                yield (name, feature.properties[key]), feature.properties["count"]


def shown_table(client: TestClient, tree: Tree, month: str, of: str, category: str | None) -> Table:
    """A month's table as its rows by level say it."""
    counts = []
    for level, codes in zip(tree.levels, tree.codes, strict=True):
        rows = dict(rows_of(client, month, of=of, category=category, by=level))
        assert list(rows) == codes.tolist()
        counts.append(np.array([HIDDEN if count is None else count for count in rows.values()], np.int64))
    return Table(tuple(counts), HIDDEN)


def targets(tree: Tree, tables: list[Table], draw: np.random.Generator, most: int) -> list[Longs]:
    """Sets with hidden cells in one month or over both: nodes, hexes, residuals, what two share or do not."""
    cells, found = len(tree.codes[-1]), []
    for number, table in enumerate(tables):
        sets = [*territories(tree).values(), *residuals(tree, table)]
        pairs = draw.integers(0, len(sets), (most, 2))
        sets += [np.setdiff1d(sets[one], sets[two]) for one, two in pairs]
        sets += [np.intersect1d(sets[one], sets[two]) for one, two in pairs]
        hidden = [each for each in sets if (table.counts[-1][each] == HIDDEN).any()]
        found += [each + number * cells for each in hidden]
    both = [np.union1d(found[one], found[two]) for one, two in draw.integers(0, len(found), (most // 4, 2))]
    return [found[at] for at in draw.permutation(len(found))[:most]] + both


def count_finds(notebook: Notebook, sets: list[Longs], smallest: int) -> int:
    finds = 0
    for each in sets:
        least, most = notebook.bounds(each, smallest)
        finds += least > 1e-6 and most < smallest - 1e-6
    return finds


@pytest.mark.parametrize("category", ["parking", "noise", "refuse"])
def test_he_finds_no_count_of_incidents_below_three(asked: TestClient, tree: Tree, category: str) -> None:
    notebook = write_down_all(asked, tree, 3, "incidents", category)
    assert sum(1 for _ in drawn(asked, MONTHS[-1], "incidents", category)) > 20
    tables = [shown_table(asked, tree, month, "incidents", category) for month in MONTHS]
    sets = targets(tree, tables, np.random.default_rng(1), 60)
    assert len(notebook.known) > 20
    assert count_finds(notebook, sets, 3) == 0


@pytest.mark.soak
def test_he_finds_none_in_any_category_at_length(asked: TestClient, tree: Tree) -> None:
    listed = asked.get("/v1/releases").json()["releases"][0]["tables"]
    categories = [each["category"] for each in listed if each["of"] == "incidents" and each["inside"]]
    assert len(categories) > 5
    for category in categories:
        notebook = write_down_all(asked, tree, 3, "incidents", category)
        tables = [shown_table(asked, tree, month, "incidents", category) for month in MONTHS]
        assert count_finds(notebook, targets(tree, tables, np.random.default_rng(2), 200), 3) == 0


def counts_of(asked: TestClient, tree: Tree, class_or_category: str) -> Longs:
    query = text(
        "SELECT cell.code, count(*) FROM element JOIN element_placement ON element_id = element.id "
        "JOIN cell ON cell.id = cell_id WHERE class = :what GROUP BY 1 UNION ALL "
        "SELECT cell.code, count(*) FROM incident JOIN incident_placement ON incident_id = incident.id "
        "JOIN cell ON cell.id = cell_id WHERE category = :what "
        "AND to_char(happened_at AT TIME ZONE 'Asia/Shanghai', 'YYYY-MM') = '2026-10' GROUP BY 1"
    )
    counts = np.zeros(len(tree.codes[-1]), np.int64)
    with asked.app.state.service.database.begin(OPERATOR) as connection:  # type: ignore[attr-defined]
        for code, count in connection.execute(query, {"what": class_or_category}):
            counts[tree.positions[-1][code]] = count
    return counts


def test_he_finds_no_count_of_people_below_ten(asked: TestClient, tree: Tree) -> None:
    tables = [shown_table(asked, tree, MONTHS[-1], "person", None)]
    notebook = Notebook(len(tree.codes[-1]))
    write_down(notebook, tree, tables[0], 10)
    for place, count in drawn(asked, MONTHS[-1], "person", None):
        notebook.note(territories(tree)[place], count)
    truth = counts_of(asked, tree, "person")
    assert sum(((truth > 0) & (truth < 10)).tolist()) > 20, "Heping has cells with few people"
    assert count_finds(notebook, targets(tree, tables, np.random.default_rng(3), 100), 10) == 0


@pytest.mark.parametrize("what", ["parking", "person"])
@pytest.mark.parametrize("complement", [False, True], ids=["nothing hidden", "no complement"])
def test_without_suppression_or_its_complement_he_finds_some(
    asked: TestClient, tree: Tree, what: str, complement: bool
) -> None:
    smallest = 10 if what == "person" else 3
    counts = counts_of(asked, tree, what)
    table = without_complement(smallest)(tree, counts, 0) if complement else without_suppression(tree, counts, 0)
    notebook = Notebook(len(tree.codes[-1]))
    write_down(notebook, tree, table, smallest, all_zeros=True)
    small = replace(table, counts=tuple(np.where(each < smallest, HIDDEN, each) for each in table.counts))
    assert count_finds(notebook, targets(tree, [small], np.random.default_rng(4), 250), smallest) > 0
