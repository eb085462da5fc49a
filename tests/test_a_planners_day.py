"""A planner's day by the command line: an estate gets a community of its own, from first edit to archive."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import shapely
from typer.testing import CliRunner, Result

from gridmap.access import OPERATOR
from gridmap.cli.commands import app
from gridmap.coverage.grid import Grid
from gridmap.store.city import read_city
from gridmap.store.database import Database
from gridmap.store.snapshot import read_grid

STREET, HOME, BESIDE = "120101001", "120101001005", "120101001012"
NEW = STREET + "098"
CITY_TIME = ZoneInfo("Asia/Shanghai")
Run = Callable[..., Result]


class Desk:
    """What lies on a planner's desk: the cells of two communities as the draft has them so far."""

    def __init__(self, grid: Grid, run: Run) -> None:
        chosen = [at for at, cell in enumerate(grid.cells) if cell.community in (HOME, BESIDE)]
        self.shapes = {grid.cells[at].code: grid.index.degrees[at] for at in chosen}
        self.run = run
        self.ops: list[str] = []

    def draw(self, **edit: Any) -> Any:
        """One edit by its planner; the answer."""
        done = json.loads(self.run("draft", "edit", 1, json.dumps(edit), "--as", "wang", "--json").stdout)
        for code in done["ended"]:
            self.shapes.pop(code, None)
        for feature in done["cells"]["features"]:
            if feature["id"] in self.shapes or feature["properties"]["change"] == "new":
                self.shapes[feature["id"]] = shapely.from_geojson(json.dumps(feature["geometry"]))
        self.ops.append(edit["op"])
        return done

    def of(self, community: str) -> list[str]:
        """Its cells, the largest first."""
        return sorted(
            (code for code in self.shapes if code.startswith(community)), key=lambda c: -self.shapes[c].area
        )

    def shared(self, one: str, other: str) -> shapely.Geometry:
        """The line between two cells."""
        return shapely.line_merge(shapely.intersection(self.shapes[one], self.shapes[other]))

    def neighbours(self, codes: list[str], others: list[str]) -> tuple[str, str]:
        """Two cells with the longest line between them."""
        pairs = [(one, other) for one in codes for other in others if one != other]
        return max(pairs, key=lambda pair: self.shared(*pair).length)


def bulge(line: shapely.Geometry, into: shapely.Geometry) -> list[tuple[float, float]]:
    """From a place on a line into a cell and back to the line."""
    longest = max(shapely.get_parts(line), key=lambda each: each.length)
    start, end = longest.interpolate(0.3, normalized=True), longest.interpolate(0.7, normalized=True)
    middle, centre = longest.interpolate(0.5, normalized=True), into.centroid
    top = shapely.LineString([middle, centre]).interpolate(0.25, normalized=True)
    return [(start.x, start.y), (top.x, top.y), (end.x, end.y)]


@pytest.fixture
def run(heping_copy: Database, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("GRIDMAP_DATABASE_URL", heping_copy.url.render_as_string(hide_password=False))

    def run_command(*arguments: object, status: int = 0) -> Result:
        result = CliRunner().invoke(app, list(map(str, arguments)))
        assert result.exit_code == status, (arguments, result.output, result.exception)
        return result

    return run_command


@pytest.fixture
def papers(tmp_path: Path) -> Path:
    """Where dossiers go; GRIDMAP_TEST_PAPERS keeps them to be looked at."""
    return Path(os.environ.get("GRIDMAP_TEST_PAPERS", tmp_path))


def a_morning(desk: Desk) -> None:
    """Two communities of 38 cells: an estate is cut out of one, and the cells around it are put right."""
    cells = desk.of(HOME)
    _, south, _, north = desk.shapes[cells[0]].bounds
    middle = desk.shapes[cells[0]].representative_point()
    line = [[middle.x, south - 1e-4], [middle.x, north + 1e-4]]
    parts = desk.draw(op="split", crs="wgs84", cell=cells[0], line=line)["minted"]
    desk.draw(op="split_into", cell=cells[1], parts=2)
    smallest = desk.of(BESIDE)[-1]
    pair = desk.neighbours([smallest], desk.of(BESIDE))
    desk.draw(op="merge", cells=list(pair), name="第1网格（合并）")
    one, other = desk.neighbours(desk.of(HOME)[4:10], desk.of(HOME)[4:10])
    desk.draw(
        op="move_boundary",
        crs="wgs84",
        cells=[one, other],
        line=bulge(desk.shared(one, other), desk.shapes[other]),
    )
    large = next(code for code in desk.of(BESIDE) if code != smallest)
    park = desk.shapes[large].representative_point().buffer(2.5e-4, quad_segs=2)
    desk.draw(
        op="cut_new",
        crs="wgs84",
        piece=json.loads(shapely.to_geojson(park)),
        name="新苑公园",
        kind="special",
        services=["公园管理"],
    )
    estate = [*parts, *desk.neighbours(parts, [code for code in desk.of(HOME) if code not in parts])[1:]]
    made = desk.draw(op="create_area", code=NEW, name="新苑社区居委会", parent=STREET, members=estate)
    assert len(made["minted"]) == 3
    near, giver = desk.neighbours(desk.of(NEW), desk.of(HOME))
    longest = max(shapely.get_parts(desk.shared(near, giver)), key=lambda each: each.length)
    piece = longest.interpolate(0.5, normalized=True).buffer(min(2e-4, longest.length / 3), quad_segs=2)
    desk.draw(
        op="transfer",
        crs="wgs84",
        **{"from": giver},
        to=near,
        piece=json.loads(shapely.to_geojson(piece)),
        across=True,
    )
    first, second = desk.of(NEW)[:2]
    desk.draw(op="change", cell=first, name="新苑一网格", kind="full_service", services=["养老服务", "物业协调"])
    desk.draw(op="change", cell=second, name="新苑二网格")
    desk.draw(op="change_area", area=BESIDE, name="新名社区居委会")
    desk.draw(op="posts", moves={cells[0]: second})


def test_a_planners_day(run: Run, heping_copy: Database, papers: Path) -> None:
    with heping_copy.begin(OPERATOR, long_work=True) as connection:
        grid = read_grid(connection, read_city(connection))
    reason = "新苑小区入住，原网格户数过多，拟设新苑社区。"
    run("draft", "create", "新苑小区设立社区", "--reason", reason, "--as", "wang")
    desk = Desk(grid, run)
    a_morning(desk)
    assert {"split", "split_into", "merge", "move_boundary", "cut_new", "transfer", "create_area"} <= set(desk.ops)

    impact = json.loads(run("draft", "impact", 1, "--json").stdout)
    print(
        {
            k: (v if not isinstance(v, (list, dict)) or len(str(v)) < 300 else str(v)[:300])
            for k, v in impact.items()
        }
    )
    print(run("draft", "certificate", 1, status=1).stdout)
    print(run("draft", "dossier", 1, "-o", papers).stdout)
